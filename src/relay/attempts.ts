// Records the attempts of one request, in order, and emits an event when each begins and when it is known what follows.

import type { Cooldown } from "../accounts/account.ts";
import type { Call } from "../domain/call.ts";
import type { Failure } from "../domain/failure.ts";
import type { AttemptRow } from "../store/usage-store.ts";
import { addTokens, noTokens, type TokenCounts } from "../usage/observer.ts";
import type { RelayEvents } from "./events.ts";

/** What follows an attempt. */
export type AttemptNext =
  | "served"
  | "passed on"
  | "same account"
  | "next account"
  | "wait"
  | "no account left"
  | "client left";

export interface AttemptEnd {
  /** Of the provider's answer; undefined when none came. */
  status: number | undefined;
  /** Undefined for a good answer. */
  failure: Failure | undefined;
  /** The cooldown that the account is in for this request after it. */
  cooldown: Cooldown | undefined;
}

export interface AttemptsOptions {
  call: Pick<Call, "id" | "family">;
  events: RelayEvents;
  monotonic: () => number;
}

export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #path: string[] = [];
  readonly #rows: AttemptRow[] = [];
  #count = 0;
  #running: { account: string; startedAt: number } | undefined;
  /** Has failed, and it is not known yet what follows. */
  #failed: (AttemptEnd & { account: string; ms: number }) | undefined;
  #hasFailure = false;
  #spent = noTokens;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** The tokens of answers that broke off before their client had anything: they are paid for all the same. */
  get spent(): Readonly<TokenCounts> {
    return this.#spent;
  }

  spend(tokens: TokenCounts): void {
    this.#spent = addTokens(this.#spent, tokens);
  }

  get count(): number {
    return this.#count;
  }

  /** The accounts that were asked, in order; one that was asked twice in a row is there once. */
  get path(): readonly string[] {
    return this.#path;
  }

  /** For the store: all attempts of a request of which one failed, none of any other. */
  get rows(): readonly AttemptRow[] {
    return this.#hasFailure ? this.#rows : [];
  }

  begin(account: string): void {
    const { call, events, monotonic } = this.#options;
    const failed = this.#failed;
    this.follow(failed?.account === account ? "same account" : "next account");
    if (failed?.failure && failed.account !== account) {
      const { kind } = failed.failure;
      const from = failed.account;
      events.emit("failedOver", () => ({
        request: call.id,
        family: call.family,
        from,
        to: account,
        failure: kind,
      }));
    }
    this.#count++;
    if (this.#path.at(-1) !== account) this.#path.push(account);
    this.#running = { account, startedAt: monotonic() };
    events.emit("attemptStarted", () => ({ request: call.id, attempt: this.#count, account }));
  }

  end(end: AttemptEnd): void {
    if (!this.#running) return;
    const { account, startedAt } = this.#running;
    this.#running = undefined;
    this.#failed = { ...end, account, ms: Math.round(this.#options.monotonic() - startedAt) };
    if (end.failure === undefined) this.follow("served");
    else this.#hasFailure = true;
  }

  /** What happens after the last attempt. Only the first time counts. */
  follow(next: AttemptNext): void {
    if (!this.#failed) return;
    const { call, events } = this.#options;
    const { account, status, failure, cooldown, ms } = this.#failed;
    this.#failed = undefined;
    const row: AttemptRow = {
      ...{ account, status, class: failure?.kind ?? "answered", next, ms },
      ...(failure && { reason: keptReasonOf(failure) }),
    };
    this.#rows.push(row);
    events.emit("attemptFinished", () => ({
      ...row,
      request: call.id,
      family: call.family,
      fullReason: failure && reasonOf(failure),
      until: cooldown?.until,
    }));
  }
}

function reasonOf(failure: Failure): string {
  if ("reason" in failure) return failure.reason;
  return "cause" in failure ? failure.cause.message : "the client left";
}

/** What is kept and shown: of what a provider may have quoted the request in, a sentence of our own. */
function keptReasonOf(failure: Failure): string {
  switch (failure.kind) {
    case "rejected":
      return "the provider refused the request itself";
    case "unexplained-refusal":
      return "the provider refused it for a reason that is not known here";
    case "server-error":
      return "the provider failed, or its answer was not one of its API";
    default:
      return reasonOf(failure);
  }
}
