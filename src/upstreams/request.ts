// Makes the request that goes to a provider out of the client's: the same path, query, headers and body, another address and credential.

import type { Credential } from "../account-kinds/credential.ts";
import type { Target, UpstreamRequest } from "../account-kinds/upstream.ts";
import type { Call } from "../domain/call.ts";

/** Where a provider expects an API key: a header of its own, or the bearer token. */
export type KeyHeader = "x-api-key" | "x-goog-api-key" | "authorization";

export interface NativeRequestOptions {
  call: Call;
  target: Target;
  keyHeader: KeyHeader;
  /** In place of `call.headers`. */
  headers?: string[];
}

/** A request whose bytes are the client's. */
export function nativeRequest({ call, target, keyHeader, headers }: NativeRequestOptions): UpstreamRequest {
  const { origin, prefix } = splitUrl(target.apiUrl);
  // Some hosts have another version than the provider's own, and it is in their address.
  const path = /\/v\d+$/.test(prefix) ? call.path.replace(/^\/v1(?=\/)/, "") : call.path;
  const query = target.credential.kind === "client" ? call.clientQuery : call.query;
  return {
    origin,
    path: `${prefix}${path}${query}`,
    method: call.method,
    headers: [
      ...(headers ?? call.headers),
      // A client that lists no coding cannot decode one (Codex), and undici would not decode for it.
      "accept-encoding",
      call.acceptEncoding ?? "identity",
      ...credentialHeaders(target.credential, call, keyHeader),
    ],
    body: call.body,
  };
}

export function credentialHeaders(credential: Credential, call: Call, keyHeader: KeyHeader): string[] {
  switch (credential.kind) {
    case "api-key":
      return keyHeaders(credential, keyHeader);
    case "bearer":
      return ["authorization", `Bearer ${credential.token}`];
    case "client":
      return call.clientCredential;
    case "none":
      return [];
  }
}

function keyHeaders({ key, sentAs }: Credential & { kind: "api-key" }, usual: KeyHeader): string[] {
  const header = sentAs === undefined ? usual : sentAs === "bearer" ? "authorization" : sentAs;
  return [header, header === "authorization" ? `Bearer ${key}` : key];
}

/** A call's path begins with its API version, so one at the end of the address would be said twice. */
const version = /\/v1(?:beta|alpha)?(?:\/messages)?$/;

export interface Address {
  origin: string;
  /** "" or "/…", put before the call's path. */
  prefix: string;
}

/** Of the accounts that there are: to take an address apart costs more than all the rest of a request's making. */
const known = new Map<string, Address>();
const maxKnown = 1000;

export function splitUrl(apiUrl: string): Address {
  const before = known.get(apiUrl);
  if (before !== undefined) return before;
  const { origin, pathname } = new URL(apiUrl);
  const prefix = pathname
    .replace(/(?<!\/)\/+$/, "")
    .replace(version, "")
    .replace(/(?<!\/)\/+$/, "");
  if (known.size >= maxKnown) known.clear();
  known.set(apiUrl, { origin, prefix });
  return { origin, prefix };
}
