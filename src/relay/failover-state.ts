// What a request has gone through while accounts are tried for it.

import type { Account, Cooldown } from "../accounts/account.ts";
import type { Call } from "../call.ts";
import type { Failure } from "../failure.ts";
import type { Upstream } from "../upstreams/upstream.ts";
import type { Answer } from "./attempt.ts";
import type { RelayDeps } from "./exchange.ts";
import type { Routing } from "./routing.ts";

/** An answer that goes to the client, good or passed on. */
export interface Served {
  answer: Answer;
  account: Account;
  upstream: Upstream;
  attempts: number;
  /** Why an answer that is not good is passed on all the same; undefined for a good one. */
  failure: Failure | undefined;
}

export interface FailoverState {
  call: Call;
  routing: Routing;
  /** The family of the model that is asked for: a cooldown may be of that alone. "" without a model. */
  scope: string;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  deps: RelayDeps;
  /** The ids of accounts that are not asked again for this request. */
  tried: Set<string>;
  attempts: number;
  /** At zero no account is tried any more. Attempts that were refused at once are not counted; a hold starts the count anew. */
  attemptsLeft: number;
  /** A request waits in place for its own account once at most. */
  hasWaited: boolean;
  /** Epoch ms until which it may be held when every account is out. */
  holdUntil: number;
  /** The last answer that may be passed on when nobody has a better one. */
  held: Served | undefined;
  /** The last attempt that got no answer and sent its account into no cooldown. */
  unreached: { account: Account; failure: Failure } | undefined;
  /** The cooldowns that its failures began, by account id: one of moments may be over before the last account has answered. */
  cooldowns: Map<string, Cooldown>;
  /** Epoch ms. */
  startedAt: number;
}
