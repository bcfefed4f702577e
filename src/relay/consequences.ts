// The table of what each kind of failure means for the request: whether its answer may be passed on, and whether it uses up an attempt. What
// it means for the account is decided in accounts/cooldown.ts.

import { type Call, isBilled, isStreamedToClient } from "../domain/call.ts";
import type { Failure, FailureKind } from "../domain/failure.ts";

export interface Consequence {
  /**
   * When the provider's answer goes to the client as it is: at once, after one other account has refused the request in the
   * same way, when no account is left, or never. One account's limit or credential is nobody's business but the relay's.
   */
  passOn: "at-once" | "after-one-other" | "if-none-left" | "never";
  /** The account was turned away at the door and is in cooldown: that uses up no attempt. */
  isRefusal: boolean;
}

/** Whose credential was refused, and what the client has of its own. */
export interface Refused {
  /** Of the provider's answer; undefined when there was none. */
  status: number | undefined;
  /** What the request carries of the client's own; see ClientLogin. */
  login: "login" | "key" | undefined;
  /** It was the client's own credential that was sent. */
  isOwn: boolean;
}

/**
 * Whether the provider refused the client's own login: only the client can refresh it, and comes back with another token. It
 * says nothing of the login that would keep the next token from being tried.
 */
export function isForClientToSettle({ kind }: Failure, { status, login, isOwn }: Refused): boolean {
  return isOwn && login === "login" && (kind === "unauthorized" || status === 401);
}

export function consequenceOf(failure: Failure, { status, login, isOwn }: Refused): Consequence {
  const consequence = consequences[failure.kind];
  // No client can read the page that says that the API is out of reach.
  if (failure.kind === "server-error" && failure.isOfEdge) return { ...consequence, passOn: "never" };
  // Every 401 costs a client that is logged in a try of its rotating refresh token, and this one is not about its login.
  const isOthers = status === 401 && login === "login" && !isOwn;
  return isOthers ? { ...consequence, passOn: "never" } : consequence;
}

/**
 * Whether a request that a provider may be at work on is never sent to another account: an unstreamed one may take many minutes,
 * and is paid for twice then.
 */
export function isSentOnce(call: Pick<Call, "stream" | "isCollected" | "operation">): boolean {
  return !isStreamedToClient(call) && isBilled(call.operation);
}

const consequences: Readonly<Record<FailureKind, Consequence>> = {
  capacity: { passOn: "if-none-left", isRefusal: false },
  "server-error": { passOn: "if-none-left", isRefusal: false },
  "limited-unblamed": { passOn: "if-none-left", isRefusal: false },
  "edge-refused": { passOn: "never", isRefusal: false },
  unreadable: { passOn: "never", isRefusal: false },
  "unexplained-refusal": { passOn: "after-one-other", isRefusal: false },
  "model-missing": { passOn: "after-one-other", isRefusal: false },
  rejected: { passOn: "at-once", isRefusal: false },
  // Claude Code takes any 403 for a failed login; the relay says by itself that the model is not to be had.
  "model-denied": { passOn: "never", isRefusal: true },
  "rate-limited": { passOn: "never", isRefusal: true },
  unauthorized: { passOn: "never", isRefusal: true },
  "login-revoked": { passOn: "never", isRefusal: true },
  "refresh-rejected": { passOn: "never", isRefusal: true },
  "account-out": { passOn: "never", isRefusal: true },
  storage: { passOn: "never", isRefusal: true },
  unreachable: { passOn: "never", isRefusal: false },
  proxy: { passOn: "never", isRefusal: false },
  shortage: { passOn: "never", isRefusal: false },
  aborted: { passOn: "never", isRefusal: false },
};
