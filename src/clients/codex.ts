// Codex: its variables, and the provider that its configuration needs. Tried with version 0.169.0.

import { type ClientAccess, type ClientInfo, keyHeader } from "./client.ts";
import { openaiSdks } from "./openai-sdks.ts";

const keyVariable = "CC_RELAY_KEY";

export const codex: ClientInfo = {
  title: "Codex",
  family: "openai",
  path: "/openai/v1",
  // Codex ignores OPENAI_BASE_URL: it needs a provider in its configuration.
  urlVariable: undefined,
  keyVariable,
  conflicting: [],
  servedPaths: ["/openai/v1", "/v1"],
  ownLogin: {
    urlVariable: undefined,
    // See codexProvider.
    key: { keyVariable },
    others: {},
    replacing: [],
  },
};

/** What Codex's configuration has to say: keys and their values, written as TOML. */
export interface CodexSettings {
  /** Of no table. */
  top: [string, string][];
  /** Of `[model_providers.ccrelay]`; undefined where the built-in provider is led to the relay. */
  provider: [string, string][] | undefined;
}

/**
 * The built-in provider serves a login best: it asks for a WebSocket first, compresses requests over HTTP, and sessions are listed with those
 * that went to OpenAI itself. But it takes no header for a relay key, and cannot be kept from asking for a WebSocket; and without a login
 * it sends no credential at all.
 */
export function codexSettings(access: Omit<ClientAccess, "host">): CodexSettings {
  const { origin, key, ownLogin, webSocket } = access;
  if (!ownLogin || key !== undefined || !webSocket)
    return { top: [["model_provider", '"ccrelay"']], provider: codexProvider(access) };
  const address: [string, string] = ["openai_base_url", JSON.stringify(origin + codex.path)];
  return { top: [["model_provider", '"openai"'], address], provider: undefined };
}

function codexProvider(access: Omit<ClientAccess, "host">): [string, string][] {
  const { origin, key, ownLogin, webSocket } = access;
  const baseUrl: [string, string][] = [
    ["name", '"cc-relay"'],
    ["base_url", JSON.stringify(origin + codex.path)],
    ["wire_api", '"responses"'],
  ];
  const sockets: [string, string] = ["supports_websockets", String(webSocket)];
  if (!ownLogin) {
    // Without accounts and keys the relay forwards the key that Codex itself has.
    const variable = key === undefined ? openaiSdks.keyVariable : codex.keyVariable;
    return [...baseUrl, ["env_key", JSON.stringify(variable)], sockets];
  }
  const header: [string, string] = ["env_http_headers", `{ "${keyHeader}" = "${codex.keyVariable}" }`];
  return [
    ...baseUrl,
    // Together with env_key the login would not be sent.
    ["requires_openai_auth", "true"],
    ...(key === undefined ? [] : [header]),
    sockets,
  ];
}
