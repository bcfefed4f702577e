// Turns a failure of an account's check into a verdict: what is wrong, and what a person can do.

import type { AccountConfig } from "../config/config.ts";
import { type Advice, type Fix, fixOf, toRun } from "../domain/errors.ts";
import type { Failure } from "../domain/failure.ts";
import type { LoginFailure } from "../oauth/login-failure.ts";
import { replaceSetupToken } from "../oauth/setup-token.ts";
import { shellWord } from "../terminal/shells.ts";
import { tryAgain } from "./check.ts";

export type Verdict =
  | { kind: "accepted" }
  /** Refused for good: a person has to log in, or to give another key. */
  | { kind: "refused"; fact: string; fix: Fix }
  /** Anything else that a provider, or the token endpoint, can say; `fails` when the account cannot work. */
  | { kind: "troubled"; fails: boolean; fact: string; fix: Fix };

export function readRedirect({ id }: AccountConfig, status: number): Verdict {
  const fact = `the provider answers with a redirect (${status}), which the relay does not follow`;
  return {
    kind: "troubled",
    fails: true,
    fact,
    fix: { instruction: `correct api_url of the account ${id}` },
  };
}

export function credentialName({ kind }: AccountConfig): "key" | "login" {
  return kind.labels.credential === "API key" ? "key" : "login";
}

/** Gives the account another credential of the kind it has. */
export function replaceCredential(account: AccountConfig): Fix {
  const command = `cc-relay login ${account.family} --id ${shellWord(account.id)}`;
  if (account.credential === "setup-token") return replaceSetupToken(shellWord(account.id));
  return credentialName(account) === "key"
    ? toRun("give another key", `${command} --api-key`)
    : toRun("log in again", command);
}

export function readFailure(account: AccountConfig, failure: Failure): Verdict {
  const troubled = (fails: boolean, fact: string, fix: Advice): Verdict => ({
    kind: "troubled",
    fails,
    fact,
    fix: fixOf(fix),
  });
  const seeCooldown = toRun("see until when it is in cooldown", "cc-relay accounts list");
  switch (failure.kind) {
    case "unauthorized":
    case "login-revoked":
      return {
        kind: "refused",
        fact: `${credentialName(account)} refused: ${failure.reason}`,
        fix: replaceCredential(account),
      };
    case "account-out":
      return troubled(true, failure.reason, "settle it with the provider, or use another account");
    case "rate-limited":
    case "limited-unblamed":
      return troubled(false, `at its limit: ${failure.reason}`, seeCooldown);
    case "capacity":
    case "server-error":
    case "unreadable":
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
      return troubled(true, "the request was cancelled", tryAgain);
  }
}

export function readLoginFailure(account: AccountConfig, failure: LoginFailure, limitMs: number): Verdict {
  const { reason, fact } = failure;
  const troubled = (fails: boolean, fix: Fix = failure.fix ?? tryAgain): Verdict => ({
    kind: "troubled",
    fails,
    fact,
    fix,
  });
  switch (reason) {
    case "refresh-revoked":
    case "token-refused":
    case "setup-token-ended":
      return { kind: "refused", fact, fix: replaceCredential(account) };
    case "refresh-rejected":
      return troubled(true);
    case "storage":
      return troubled(true, { instruction: "see what is said of the database" });
    case "extras-refused":
      return troubled(true);
    case "throttled":
      return troubled(false, toRun("try again in some minutes", "cc-relay doctor"));
    case "unreachable":
    case "proxy":
    case "shortage":
      return troubled(true);
    case "aborted": {
      const late = `no token came within ${limitMs / 1000} s`;
      return { kind: "troubled", fails: true, fact: late, fix: tryAgain };
    }
  }
}
