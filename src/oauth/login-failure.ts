// The reasons why a login gives no token, as values and as sentences.

import type { OAuthProvider } from "../account-kinds/oauth-provider.ts";
import { type Fix, fixText, toRun } from "../domain/errors.ts";
import type { TokenReply } from "./token-request.ts";

/**
 * - `refresh-revoked`: the refresh token is dead; only logging in again helps.
 * - `refresh-rejected`: the token endpoint does not take our request (client id, address): the configuration has to be fixed.
 * - `token-refused`: the provider refuses a token that it handed out a moment ago.
 * - `setup-token-ended`: a token that nothing refreshes is at its end.
 * - `extras-refused`: the provider does not give this login what its requests need: Google refuses Code Assist, or wants a project.
 * - `throttled`, `unreachable`, `proxy`: passing; the login is not in doubt.
 * - `shortage`: this machine is short of file descriptors, memory or ports, so nobody was asked.
 * - `storage`: the store cannot read the login, or would not keep a new token.
 * - `aborted`: the caller's own signal.
 */
export type LoginFailureReason =
  | "refresh-revoked"
  | "refresh-rejected"
  | "token-refused"
  | "setup-token-ended"
  | "extras-refused"
  | "throttled"
  | "unreachable"
  | "proxy"
  | "shortage"
  | "storage"
  | "aborted";

export interface LoginFailure {
  ok: false;
  reason: LoginFailureReason;
  /** What happened, as a sentence without a full stop. Holds no secret. */
  fact: string;
  /** What a person can do; undefined: nothing, it is passing. */
  fix: Fix | undefined;
  /** Epoch ms before which asking again is pointless; undefined when nobody knows. */
  until?: number;
}

/** The whole of it in one sentence, for a log line or the reason of a cooldown. */
export function describeLoginFailure({ fact, fix, until }: LoginFailure): string {
  if (fix !== undefined) return `${fact}; ${fixText(fix)}`;
  return until === undefined ? fact : `${fact}; it is tried again at ${new Date(until).toISOString()}`;
}

/** Whether a person has to act before this login works again. */
export function needsPerson(reason: LoginFailureReason): boolean {
  return personReasons.has(reason);
}

const personReasons: ReadonlySet<LoginFailureReason> = new Set([
  "refresh-revoked",
  "refresh-rejected",
  "token-refused",
  "setup-token-ended",
  "extras-refused",
]);

export interface FailedRefresh {
  accountId: string;
  provider: OAuthProvider;
  failure: (TokenReply & { ok: false })["failure"];
  /** An earlier exchange of the same token was interrupted then. */
  brokenOffAt: number | undefined;
  /** Epoch ms of the next try. */
  until: number;
}

export function describeRefresh(failed: FailedRefresh): LoginFailure {
  const { failure, until, provider } = failed;
  const login = `the ${provider.title} login of account ${failed.accountId}`;
  switch (failure.kind) {
    case "revoked": {
      const why = explainBreak(failed.brokenOffAt);
      const fact = `${login} is refused: ${failure.detail}${why}`;
      return {
        ok: false,
        reason: "refresh-revoked",
        fact,
        fix: logInAgain(provider, failed.accountId),
        until,
      };
    }
    case "rejected": {
      const fix = { instruction: `check [oauth.${provider.name}] in the configuration, or remove it` };
      const fact = `${login} cannot be refreshed: ${failure.detail}`;
      return { ok: false, reason: "refresh-rejected", fact, fix, until };
    }
    case "throttled":
      return passing("throttled", `${login} cannot be refreshed yet: ${failure.detail}`, until);
    case "proxy":
      return passing("proxy", `${login} cannot be refreshed: ${failure.detail}`, until);
    case "shortage":
      return passing("shortage", `${login} cannot be refreshed just now: ${failure.detail}`, until);
    case "temporary":
    case "unreached":
    case "aborted":
      return passing("unreachable", `${login} cannot be refreshed just now: ${failure.detail}`, until);
  }
}

export function describeRefusedToken(
  provider: OAuthProvider,
  accountId: string,
  until: number,
): LoginFailure {
  const fact = `${provider.title} refuses the token it has just handed out to account ${accountId}`;
  return { ok: false, reason: "token-refused", fact, fix: logInAgain(provider, accountId), until };
}

export const callerLeft: LoginFailure = {
  ok: false,
  reason: "aborted",
  fact: "the caller no longer waits for the login",
  fix: undefined,
};

/** How long an account is left alone whose login the store cannot read or would not keep. */
const storageRetryMs = 60_000;

/** @param why the end of the sentence: what is the matter with the store. */
export function storageFailure(accountId: string, why: string, now: number): LoginFailure {
  const until = now + storageRetryMs;
  return passing("storage", `storage: the login of account ${accountId} cannot be used, for ${why}`, until);
}

function logInAgain(provider: OAuthProvider, accountId: string): Fix {
  const id = /^[\w.@:+-]+$/.test(accountId) ? accountId : JSON.stringify(accountId);
  return toRun("log in again", `cc-relay login ${provider.name} --id ${id}`);
}

function explainBreak(at: number | undefined): string {
  if (at === undefined) return "";
  return `; a refresh begun at ${new Date(at).toISOString()} was interrupted before its answer could be kept`;
}

function passing(reason: LoginFailureReason, fact: string, until: number): LoginFailure {
  return { ok: false, reason, fact, fix: undefined, until };
}
