// What an attempt on an account authenticates with: its key, or an access token that is fresh.

import type { Credential } from "../credential.ts";
import type { Failure } from "../failure.ts";
import { accountTypes } from "../family.ts";
import type { TokenSource } from "../oauth/tokens.ts";
import type { Account } from "./account.ts";

export interface CredentialSource {
  get(account: Account, signal: AbortSignal): Promise<CredentialResult>;
  /**
   * The provider refused the credential of an attempt. Resolves true when there is another one to try:
   * a login is refreshed once, tied to the token that failed; a key never is.
   */
  renew(account: Account, refused: Credential, signal: AbortSignal): Promise<boolean>;
}

export type CredentialResult = { ok: true; credential: Credential } | { ok: false; failure: Failure };

export function createCredentialSource(tokens: TokenSource): CredentialSource {
  return {
    async get({ config, passthrough }, signal) {
      if (passthrough) return { ok: true, credential: { kind: "client" } };
      if (accountTypes[config.type].credential === "api_key") {
        return { ok: true, credential: { kind: "api-key", key: config.secret } };
      }
      const login = await tokens.credential(config, signal);
      if (!login.ok) return { ok: false, failure: loginFailure(login) };
      return { ok: true, credential: { kind: "bearer", token: login.token, project: login.project } };
    },

    async renew({ config }, refused, signal) {
      if (refused.kind !== "bearer") return false;
      const login = await tokens.refused(config, refused.token, signal);
      return login.ok;
    },
  };
}
