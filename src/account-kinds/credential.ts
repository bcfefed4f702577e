// The credential that one attempt authenticates with.

import type { LoginExtras } from "../domain/token-store.ts";

export type Credential =
  /** `sentAs` undefined: as the provider itself wants keys. */
  | { kind: "api-key"; key: string; sentAs?: "x-api-key" | "bearer" }
  | { kind: "bearer"; token: string; extras?: LoginExtras | undefined }
  /** The client's own credential headers: pass-through. */
  | { kind: "client" }
  /** An endpoint that wants none. */
  | { kind: "none" };

/** What an account authenticates with: `client` the credential that comes with the request, `none` nothing at all. */
export type CredentialKind = "api-key" | "refresh-token" | "setup-token" | "client" | "none";

export interface KeyedAccount {
  credential: CredentialKind;
  secret: string;
  auth: "x-api-key" | "bearer" | undefined;
}

/** The credential of an account that needs no login; undefined for one whose token has to be fetched. */
export function fixedCredential({ credential, secret, auth }: KeyedAccount): Credential | undefined {
  switch (credential) {
    case "api-key":
      return { kind: "api-key", key: secret, ...(auth === undefined ? {} : { sentAs: auth }) };
    case "setup-token":
      return { kind: "bearer", token: secret };
    case "client":
      return { kind: "client" };
    case "none":
      return { kind: "none" };
    case "refresh-token":
      return undefined;
  }
}
