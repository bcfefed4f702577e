// Accounts of every kind for strange requests: the relay's own, a compatible host, and the client's own key.

import type { AccountConfig, Config } from "../../src/config/config.ts";
import type { ClientRequest } from "./client.ts";
import { ownAccount, ownKeys } from "./own-logins.ts";
import { testAccount } from "./relay.ts";
import { type StrangeFamily, typeOfFamily } from "./strange.ts";

export type StrangeKind = "pool" | "compatible" | "client";

/** The first account is of this kind, the others are the relay's own at their provider. */
export function strangeAccounts(
  ids: readonly string[],
  { family, kind, url }: { family: StrangeFamily; kind: StrangeKind; url: string },
): AccountConfig[] {
  const modelMap = [{ pattern: "*", model: "made-up-model" }];
  return ids.map((id, index) => {
    if (index === 0 && kind === "client") return ownAccount(providerOf(family), { id });
    const settings = index === 0 && kind === "compatible" ? { modelMap, onlyWhenOut: true } : {};
    return testAccount(id, typeOfFamily[family.name], url, settings);
  });
}

/** Clients' own keys go to this provider. */
export function ownKeysGoTo(url: string, { upstream, ...config }: Config): Config {
  const providerUrls = { ...upstream.providerUrls, claude: url, gemini: url, openai: `${url}/v1` };
  return { ...config, upstream: { ...upstream, providerUrls } };
}

/** With the client's own key, where the kind of account asks for one. */
export function withOwnKey(request: ClientRequest, family: StrangeFamily, kind: StrangeKind): ClientRequest {
  return kind === "client"
    ? { ...request, headers: [...(request.headers ?? []), ...ownKeys[providerOf(family)]] }
    : request;
}

function providerOf({ name }: StrangeFamily): "claude" | "gemini" | "openai" {
  return name === "chat" ? "claude" : name;
}
