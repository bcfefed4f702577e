// Why a login gives no token just now, as a value and as a sentence.

import type { OAuthProvider } from "../account-kinds/oauth-provider.ts";
import type { TokenReply } from "./token-request.ts";

/**
 * - `refresh-revoked`: the login is gone; only logging in again helps.
 * - `refresh-rejected`: the token endpoint does not take our request (client id, address): the configuration has to be fixed.
 * - `token-refused`: the provider refuses a token that it handed out a moment ago.
 * - `project-refused`: Google refuses Code Assist to this login, or wants a project.
 * - `throttled`, `unreachable`, `proxy`: passing; the login is not in doubt.
 * - `storage`: the store cannot read the login, or would not keep a new token.
 * - `aborted`: the caller's own signal.
 */
export type LoginFailureReason =
  | "refresh-revoked"
  | "refresh-rejected"
  | "token-refused"
  | "project-refused"
  | "throttled"
  | "unreachable"
  | "proxy"
  | "storage"
  | "aborted";

export interface LoginFailure {
  ok: false;
  reason: LoginFailureReason;
  /** One sentence without a full stop: what happened and what to do. Holds no secret. */
  message: string;
  /** Epoch ms before which asking again is pointless; undefined when nobody knows. */
  until?: number;
}

/** Whether a person has to act before this login works again. */
export function needsPerson(reason: LoginFailureReason): boolean {
  return personReasons.has(reason);
}

const personReasons: ReadonlySet<LoginFailureReason> = new Set([
  "refresh-revoked",
  "refresh-rejected",
  "token-refused",
  "project-refused",
]);

export interface FailedRefresh {
  accountId: string;
  provider: OAuthProvider;
  failure: (TokenReply & { ok: false })["failure"];
  /** An earlier exchange of the same token was cut off then. */
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
      const message = `${login} is gone: ${failure.detail}${why}; ${howToLogIn(provider, failed.accountId)}`;
      return { ok: false, reason: "refresh-revoked", message, until };
    }
    case "rejected": {
      const fix = `check [oauth.${provider.name}] in the configuration`;
      return {
        ok: false,
        reason: "refresh-rejected",
        message: `${login} cannot be refreshed: ${failure.detail}; ${fix}`,
        until,
      };
    }
    case "throttled":
      return passing("throttled", `${login} cannot be refreshed yet: ${failure.detail}`, until);
    case "proxy":
      return passing("proxy", `${login} cannot be refreshed: ${failure.detail}`, until);
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
  const message = `${provider.title} refuses the token it has just handed out to account ${accountId}; ${howToLogIn(provider, accountId)}`;
  return { ok: false, reason: "token-refused", message, until };
}

export const callerGaveUp: LoginFailure = {
  ok: false,
  reason: "aborted",
  message: "the caller gave up waiting for the login",
};

/** How long an account is left alone whose login the store cannot read or would not keep. */
const storageRetryMs = 60_000;

/** @param why the end of the sentence: what is the matter with the store. */
export function storageFailure(accountId: string, why: string, now: number): LoginFailure {
  const until = now + storageRetryMs;
  return passing("storage", `storage: the login of account ${accountId} cannot be used, for ${why}`, until);
}

/** The command that fixes a dead login. */
export function howToLogIn(provider: OAuthProvider, accountId: string): string {
  const id = /^[\w.@:+-]+$/.test(accountId) ? accountId : JSON.stringify(accountId);
  return `log in again with: cc-relay login ${provider.name} --id ${id}`;
}

function explainBreak(at: number | undefined): string {
  if (at === undefined) return "";
  return `; a refresh begun at ${new Date(at).toISOString()} was cut off before its answer could be kept`;
}

function passing(reason: LoginFailureReason, what: string, until: number): LoginFailure {
  return {
    ok: false,
    reason,
    message: `${what}; it is tried again at ${new Date(until).toISOString()}`,
    until,
  };
}
