// The state of one request's failover: accounts tried, cooldowns begun, attempts left. Every change is a named method.

import type { ReplyHead, Upstream } from "../account-kinds/upstream.ts";
import type { Account, Cooldown } from "../accounts/account.ts";
import type { SentRequest } from "../accounts/pool.ts";
import { type Call, isBilled } from "../domain/call.ts";
import type { Failure } from "../domain/failure.ts";
import { modelScope } from "../domain/model-scope.ts";
import type { AsyncTransform } from "../sse/transform.ts";
import type { Answer } from "./answer.ts";
import type { Attempts } from "./attempts.ts";
import { canServe } from "./can-serve.ts";
import type { ClientConnection } from "./client.ts";
import type { RelayDeps } from "./exchange.ts";
import type { MemoryShare } from "./memory-share.ts";
import type { Routing } from "./routing.ts";
import type { Transport } from "./transport.ts";

/** An answer that goes to the client, good or passed on. */
export interface Served {
  answer: Answer;
  account: Account;
  upstream: Upstream;
  /** The call as it went to this account. */
  sent: Call;
  /** Why an answer that is not good is passed on all the same; undefined for a good one. */
  failure: Failure | undefined;
}

/** Makes what rewrites one good answer. */
export type Rewrite = (head: ReplyHead) => AsyncTransform;

export interface FailoverOptions {
  routing: Routing;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  memory: MemoryShare | undefined;
  attempts: Attempts;
  transport: Transport;
  /** See FailoverRequest. */
  connection: ClientConnection | undefined;
  rewrite: Rewrite | undefined;
  /** See Dialect; undefined: every request does. */
  opensTurn: (() => boolean) | undefined;
  deps: RelayDeps;
}

export class FailoverState {
  /** What is sent; see Routing. */
  readonly call: Call;
  readonly routing: Routing;
  /** The family of the model that is asked for: a cooldown may be of that alone. "" without a model. */
  readonly scope: string;
  readonly signal: AbortSignal;
  readonly memory: MemoryShare | undefined;
  readonly attempts: Attempts;
  readonly transport: Transport;
  readonly connection: ClientConnection | undefined;
  readonly rewrite: Rewrite | undefined;
  readonly deps: RelayDeps;
  /** Epoch ms. */
  readonly startedAt: number;
  /** Made when something fails, as the others are: most requests need none. */
  #tried: Set<string> | undefined;
  #cooldowns: Map<string, Cooldown> | undefined;
  readonly #opensTurn: () => boolean;
  #isTurnOpened: boolean | undefined;
  #attemptsLeft: number;
  #hasWaited = false;
  #kept: Served | undefined;
  #unanswered: { account: Account; failure: Failure } | undefined;
  #asked: Map<Account, Cooldown | undefined> | undefined;
  #isLastAttempt = false;

  constructor({
    routing,
    signal,
    memory,
    attempts,
    transport,
    connection,
    rewrite,
    opensTurn,
    deps,
  }: FailoverOptions) {
    const { call } = routing;
    this.call = call;
    this.routing = routing;
    this.scope = call.model === undefined ? "" : modelScope(call.family, call.model);
    this.signal = signal;
    this.memory = memory;
    this.attempts = attempts;
    this.transport = transport;
    this.connection = connection;
    this.rewrite = rewrite;
    this.#opensTurn = opensTurn ?? (() => true);
    this.deps = deps;
    this.startedAt = deps.now();
    this.#attemptsLeft = deps.config().upstream.maxAttempts;
  }

  /** The ids of accounts that are not asked again for this request. */
  get tried(): ReadonlySet<string> {
    return this.#tried ?? nothing;
  }

  /** Whether the account can serve the call, over the connection that it came over. */
  canServe(account: Account, now: number): boolean {
    return canServe(account, this.call, now) && (this.connection?.canLeadTo(account, this.call) ?? true);
  }

  /** Whether the request begins a turn of its conversation; its body is read for that once, when somebody asks. */
  get opensTurn(): boolean {
    this.#isTurnOpened ??= this.#opensTurn();
    return this.#isTurnOpened;
  }

  /** Whether another account may be asked. */
  get hasAttemptsLeft(): boolean {
    return this.#attemptsLeft > 0;
  }

  /** A request waits in place for its own account once at most. */
  get hasWaited(): boolean {
    return this.#hasWaited;
  }

  /** The last answer that may be passed on when nobody has a better one. */
  get kept(): Served | undefined {
    return this.#kept;
  }

  /** The last attempt that got no answer which a client may see. */
  get unanswered(): { account: Account; failure: Failure } | undefined {
    return this.#unanswered;
  }

  /** Every account that was asked, with the cooldown that this request put it in. */
  get asked(): ReadonlyMap<Account, Cooldown | undefined> {
    return this.#asked ?? new Map();
  }

  /** The cooldowns that its failures began, by account id: one of moments may be over before the last account has answered. */
  get cooldowns(): ReadonlyMap<string, Cooldown> {
    return this.#cooldowns ?? new Map();
  }

  /** Epoch ms until which it may be held when every account is out. */
  get holdUntil(): number {
    return this.startedAt + this.deps.config().session.holdMs;
  }

  /** What the pool has to know of an attempt that began at this time (epoch ms). */
  sentAt(sentAt: number): SentRequest {
    const { operation, sessionKey: session } = this.call;
    return { modelScope: this.scope, sentAt, isBilled: isBilled(operation), session };
  }

  attemptBegins({ config }: Account): void {
    this.attempts.begin(config.id);
    this.#attemptsLeft--;
  }

  /** The account turned the request away at the door: accounts at their limit never hide one that is free, however many they are. */
  attemptWasRefused(): void {
    this.#attemptsLeft++;
  }

  /** A provider may still be at work on the request: it is sent to one other account at most. */
  mayBeSentOnceMore(): void {
    this.#attemptsLeft = this.#isLastAttempt ? 0 : 1;
    this.#isLastAttempt = true;
  }

  /** @param cooldown what the account is in after it, if anything. */
  attemptFailed(account: Account, cooldown: Cooldown | undefined): void {
    this.#asked ??= new Map();
    this.#asked.set(account, cooldown);
    if (!cooldown) return;
    this.#cooldowns ??= new Map();
    this.#cooldowns.set(account.config.id, cooldown);
  }

  gotNoAnswer(account: Account, failure: Failure): void {
    this.#unanswered = { account, failure };
  }

  ruleOut({ config }: Account): void {
    this.#tried ??= new Set();
    this.#tried.add(config.id);
  }

  waits(): void {
    this.#hasWaited = true;
  }

  /** Keeps an answer for the case that no account has a better one. */
  keep(served: Served): void {
    this.#kept?.answer.discard();
    this.#kept = served;
  }

  /** All accounts may be asked again, as if for the first time. */
  startOver(): void {
    this.dropKept();
    this.#tried = undefined;
    this.#cooldowns = undefined;
    this.#unanswered = undefined;
    this.#attemptsLeft = this.deps.config().upstream.maxAttempts;
  }

  dropKept(): void {
    this.#kept?.answer.discard();
    this.#kept = undefined;
  }
}

const nothing: ReadonlySet<string> = new Set();
