// Gets the credential for an attempt on an account: its key, or an access token that is fresh.

import { type Credential, fixedCredential } from "../account-kinds/credential.ts";
import type { Failure } from "../domain/failure.ts";
import { describeLoginFailure, type LoginFailure } from "../oauth/login-failure.ts";
import type { LoginToken, TokenSource } from "../oauth/tokens.ts";
import type { Account } from "./account.ts";

export interface CredentialSource {
  get(account: Account, signal: AbortSignal): Promise<CredentialResult>;
  /**
   * The provider refused the credential of an attempt: a login is refreshed once, and only if its token is still the one that failed.
   * Undefined when there is nothing to refresh: a key is what it is, unless the configuration has another one by now.
   */
  refresh(account: Account, refused: Credential, signal: AbortSignal): Promise<CredentialResult | undefined>;
  /** The provider refused what goes with the credential: what was found for it, such as a project, is searched for again. */
  reconsider(account: Account, refused: Credential): Promise<void>;
}

export type CredentialResult = { ok: true; credential: Credential } | { ok: false; failure: Failure };

export function createCredentialSource(tokens: TokenSource): CredentialSource {
  return {
    async get({ config, passthrough }, signal) {
      if (passthrough) return { ok: true, credential: { kind: "client" } };
      const fixed = config.credential === "setup-token" ? undefined : fixedCredential(config);
      return fixed ? { ok: true, credential: fixed } : readLogin(await tokens.credential(config, signal));
    },

    async refresh({ config }, refused, signal) {
      const fixed = fixedCredential(config);
      if (fixed !== undefined)
        return isSameSecret(fixed, refused) ? undefined : { ok: true, credential: fixed };
      if (refused.kind !== "bearer") return undefined;
      return readLogin(await tokens.refused(config, refused.token, signal));
    },

    async reconsider({ config }, refused) {
      if (refused.kind === "bearer" && refused.extras !== undefined) await tokens.extrasRefused(config);
    },
  };
}

/** Whether there is nothing newer to try than what was refused. */
function isSameSecret(now: Credential, refused: Credential): boolean {
  return secretOf(now) === secretOf(refused);
}

function secretOf(credential: Credential): string {
  switch (credential.kind) {
    case "api-key":
      return credential.key;
    case "bearer":
      return credential.token;
    case "client":
    case "none":
      return "";
  }
}

function readLogin(login: LoginToken): CredentialResult {
  if (!login.ok) return { ok: false, failure: failureOf(login) };
  return { ok: true, credential: { kind: "bearer", token: login.token, extras: login.extras } };
}

/** What is wrong with the way to the token endpoint says nothing against the login. */
function failureOf(login: LoginFailure): Failure {
  const { reason, until } = login;
  const message = describeLoginFailure(login);
  switch (reason) {
    case "setup-token-ended":
    case "refresh-revoked":
      return { kind: "login-revoked", reason: message };
    case "refresh-rejected":
      return { kind: "refresh-rejected", until, reason: message };
    case "token-refused":
      return { kind: "unauthorized", reason: message };
    case "extras-refused":
      return { kind: "account-out", reason: message };
    case "storage":
      return { kind: "storage", until: until ?? 0, reason: message };
    case "throttled":
      return { kind: "capacity", until, reason: message };
    case "unreachable":
      return { kind: "unreachable", cause: new Error(message), safeToRepeat: false };
    case "proxy":
      return { kind: "proxy", cause: new Error(message) };
    case "shortage":
      return { kind: "shortage", cause: new Error(login.fact) };
    case "aborted":
      return { kind: "aborted" };
  }
}
