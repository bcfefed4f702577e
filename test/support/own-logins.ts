// Made-up credentials of clients' own, and every host that one could be sent to: each a provider of its own on loopback.

import type { AccountConfig, Config } from "../../src/config/config.ts";
import { defaultAccount } from "../../src/config/defaults.ts";
import type { Family, ProviderName } from "../../src/domain/family.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { codexPath } from "./openai-script.ts";
import { type ScriptedUpstream, startUpstream } from "./upstream.ts";

export const ownLogins = {
  claude: ["Authorization", "Bearer sk-ant-oat01-made-up-AAAA"],
  chatgpt: ["Authorization", `Bearer ${chatGptToken("one")}`, "chatgpt-account-id", "acct-made-up-1"],
  google: ["Authorization", "Bearer ya29.made-up-AAAA"],
} as const;

export const ownKeys = {
  claude: ["x-api-key", "sk-ant-api03-made-up-AAAA"],
  openai: ["Authorization", "Bearer sk-proj-made-up-AAAA"],
  gemini: ["x-goog-api-key", "AIzaMadeUpAAAA"],
} as const;

/** A JSON Web Token as OpenAI issues them, with a made-up signature. */
export function chatGptToken(subject: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part({ iss: "https://auth.openai.com", sub: subject })}.c2lnbmF0dXJl`;
}

/** Every secret in the headers above, as it would be found in whatever leaves the relay. */
export function secretsIn(headers: readonly string[]): string[] {
  return headers.filter((_, at) => at % 2 === 1).map((value) => value.replace(/^Bearer /, ""));
}

export interface Hosts {
  readonly providers: Readonly<Record<ProviderName, ScriptedUpstream>>;
  /** Where accounts with an `api_url` of their own go. */
  readonly elsewhere: ScriptedUpstream;
  /** By name, the one elsewhere included. */
  readonly all: ReadonlyMap<string, ScriptedUpstream>;
  /** Puts `[upstream]` to these providers. */
  configure(config: Config): Config;
  close(): Promise<void>;
}

export async function startHosts(): Promise<Hosts> {
  const providers = {
    claude: await startUpstream({ family: "claude" }),
    gemini: await startUpstream({ family: "gemini" }),
    openai: await startUpstream({ family: "openai" }),
    chatgpt: await startUpstream({ family: "openai" }),
    codeAssist: await startUpstream({ family: "gemini" }),
  };
  const elsewhere = await startUpstream();
  const all = new Map([...Object.entries(providers), ["elsewhere", elsewhere] as const]);
  return {
    providers,
    elsewhere,
    all,
    configure: (config) => ({
      ...config,
      upstream: {
        ...config.upstream,
        providerUrls: {
          claude: providers.claude.url,
          gemini: providers.gemini.url,
          openai: `${providers.openai.url}/v1`,
          chatgpt: `${providers.chatgpt.url}${codexPath}`,
          codeAssist: providers.codeAssist.url,
        },
      },
    }),
    async close() {
      for (const upstream of all.values()) await upstream.close();
    },
  };
}

/** An account of type `client`. */
export function ownAccount(family: Family, overrides: Partial<AccountConfig> = {}): AccountConfig {
  return defaultAccount({ id: "own", kind: accountKinds.client, family, priority: 200, ...overrides });
}
