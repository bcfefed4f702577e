// The upstream of the client's own credential: chooses its provider, and speaks to that one.

import { isOfClients } from "../account-kinds/account-kind.ts";
import type { Upstream } from "../account-kinds/upstream.ts";
import type { AccountConfig } from "../config/config.ts";
import { type Call, turnStateHeader } from "../domain/call.ts";
import type { Family, ProviderName } from "../domain/family.ts";
import { claudeUpstream } from "./claude.ts";
import { ownCredential, readClientLogin } from "./client-login.ts";
import { geminiUpstream, isInternal } from "./gemini.ts";
import { openaiUpstream } from "./openai.ts";

/** Whose servers the credential of a call is for: it is sent nowhere else. */
export function providerOf(call: Call): ProviderName {
  const login = readClientLogin(call);
  if (login) return login.provider;
  if (call.family === "gemini") return isInternal(call) ? "codeAssist" : "gemini";
  return call.family;
}

/** Where an account's requests go: its own address, or that of the provider whose credential the client has sent. */
export function addressOf(
  account: Pick<AccountConfig, "kind" | "apiUrl">,
  call: Call,
  providerUrls: Readonly<Record<ProviderName, string>>,
): string {
  return isOfClients(account) ? providerUrls[providerOf(call)] : account.apiUrl;
}

const native: Readonly<Record<Family, Upstream>> = {
  claude: claudeUpstream,
  gemini: geminiUpstream,
  openai: openaiUpstream,
};

/** Speaks to the provider of the call's family, and hides nothing: the limits are the client's own. */
export const clientUpstream: Upstream = {
  supports: (call) => isInternal(call) || native[call.family].supports(call),
  prepare(call, target) {
    const { headers, query } = ownCredential(call);
    // The backend of Codex has no version in its paths.
    const path = providerOf(call) === "chatgpt" ? call.path.replace(/^\/v1(?=\/)/, "") : call.path;
    const own = { ...call, path, clientCredential: [...headers], clientQuery: query };
    return native[call.family].prepare(own, target);
  },
  readFailure: (head, body, call, now) => native[call.family].readFailure(head, body, call, now),
  readErrorEvent: (event, call, now) => native[call.family].readErrorEvent(event, call, now),
  // Each reads headers of its own provider only.
  readWindows: (headers, now) =>
    Object.values(native).flatMap((upstream) => upstream.readWindows(headers, now)),
  observe: (call) => native[call.family].observe(call),
  heal: async (call, ...refusal) => native[call.family].heal?.(call, ...refusal),
  stateHeader: turnStateHeader,
  isAccountHeader: () => false,
  socketFor(call) {
    const protocol = native[call.family].socketFor?.(call);
    return protocol && { ...protocol, hidesLimits: false };
  },
};
