// What a provider's answer, or the lack of one, says about an account, and what a person can do.

import type { AccountConfig } from "../config/config.ts";
import type { Failure } from "../failure.ts";
import type { LoginFailure } from "../oauth/login-failure.ts";

export type Verdict =
  | { kind: "accepted" }
  /** Refused for good: a person has to log in, or to give another key. */
  | { kind: "refused"; detail: string }
  /** Anything else that a provider, or the token endpoint, can say; `fails` when the account cannot work. */
  | { kind: "troubled"; fails: boolean; reason: string; fix: string };

export function readRedirect({ id }: AccountConfig, status: number): Verdict {
  const reason = `the provider answers with a redirect (${status}), which the relay does not follow`;
  return { kind: "troubled", fails: true, reason, fix: `correct api_url of the account ${id}` };
}

export function credentialName({ kind }: AccountConfig): "key" | "login" {
  return kind.labels.credential === "API key" ? "key" : "login";
}

export function readFailure(account: AccountConfig, failure: Failure): Verdict {
  const troubled = (fails: boolean, reason: string, fix: string): Verdict => ({
    kind: "troubled",
    fails,
    reason,
    fix,
  });
  const tryAgain = "to try again, run: cc-relay doctor";
  const seeCooldown = "to see until when it is in cooldown, run: cc-relay accounts list";
  switch (failure.kind) {
    case "unauthorized":
    case "login-revoked":
      return { kind: "refused", detail: `${credentialName(account)} refused: ${failure.reason}` };
    case "account-out":
      return troubled(true, failure.reason, "settle it with the provider, or use another account");
    case "rate-limited":
    case "limited-unblamed":
      return troubled(false, `at its limit: ${failure.reason}`, seeCooldown);
    case "capacity":
    case "server-error":
      return troubled(false, failure.reason, tryAgain);
    case "edge-refused":
      return troubled(true, failure.reason, "check the network, or give the account a proxy");
    case "refresh-rejected":
      return troubled(true, failure.reason, "correct [oauth] in the configuration, or remove it");
    case "storage":
      return troubled(true, failure.reason, "see what is said of the database");
    case "unexplained-refusal":
    case "model-denied":
    case "model-missing":
    case "rejected":
      return troubled(
        false,
        `the provider does not list its models: ${failure.reason}`,
        `check api_url of the account ${account.id}`,
      );
    case "unreachable":
    case "proxy":
    case "shortage":
      return troubled(true, failure.cause.message, tryAgain);
    case "aborted":
      return troubled(true, "the request was given up", tryAgain);
  }
}

export function readLoginFailure({ reason, message }: LoginFailure, limitMs: number): Verdict {
  // The messages end in what to do, which stands on its own here.
  const what =
    message.split(/; (?:log in again with|an API key works instead|it is tried again|check \[)/)[0] ??
    message;
  const troubled = (fails: boolean, fix: string): Verdict => ({ kind: "troubled", fails, reason: what, fix });
  switch (reason) {
    case "refresh-revoked":
    case "token-refused":
      return { kind: "refused", detail: what };
    case "refresh-rejected":
      return troubled(true, "correct [oauth] in the configuration, or remove it");
    case "storage":
      return troubled(true, "see what is said of the database");
    case "project-refused":
      return troubled(true, "to use an API key instead, run: cc-relay login gemini --api-key");
    case "throttled":
      return troubled(false, "wait some minutes, then run: cc-relay doctor");
    case "unreachable":
    case "proxy":
      return troubled(true, "to try again, run: cc-relay doctor");
    case "aborted": {
      const late = `no token came within ${limitMs / 1000} s`;
      return { kind: "troubled", fails: true, reason: late, fix: "to try again, run: cc-relay doctor" };
    }
  }
}
