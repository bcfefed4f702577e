// The environment variables that point each client program at the relay, and the variables that conflict with them.
// What works was tried with Claude Code 2.1.330, Gemini CLI 0.61.0 and Codex 0.169.0.

import type { Family } from "../domain/family.ts";
import type { Environment } from "./environment.ts";

export const clients = ["claude", "gemini", "codex", "openai"] as const;
export type Client = (typeof clients)[number];

export interface ClientInfo {
  /** As a person calls it. */
  title: string;
  family: Family;
  /** What is added to the relay's origin to get the base URL. */
  path: string;
  /** The variable that holds the base URL; undefined where the client reads none. */
  urlVariable: string | undefined;
  /** The variable that holds the client key. */
  keyVariable: string;
  /** Variables that would take precedence, add a second credential, or send the requests elsewhere. */
  conflicting: readonly Conflict[];
}

export interface Conflict {
  name: string;
  /** What it does, as the end of a sentence that begins with the name. */
  effect: string;
}

export const clientInfo: Readonly<Record<Client, ClientInfo>> = {
  claude: {
    title: "Claude Code",
    family: "claude",
    // With /v1 Claude Code asks for /v1/v1/messages.
    path: "",
    urlVariable: "ANTHROPIC_BASE_URL",
    // With ANTHROPIC_API_KEY an interactive start asks for approval, default No, and then refuses to send.
    keyVariable: "ANTHROPIC_AUTH_TOKEN",
    conflicting: [
      { name: "ANTHROPIC_API_KEY", effect: "is sent as a second credential" },
      {
        name: "CLAUDE_CODE_OAUTH_TOKEN",
        effect: "makes Claude Code act as if it were logged in at the provider",
      },
      { name: "CLAUDE_CODE_USE_BEDROCK", effect: "sends the requests to Amazon Bedrock" },
      { name: "CLAUDE_CODE_USE_VERTEX", effect: "sends the requests to Google Vertex AI" },
      { name: "CLAUDE_CODE_USE_FOUNDRY", effect: "sends the requests to Microsoft Foundry" },
    ],
  },
  gemini: {
    title: "Gemini CLI",
    family: "gemini",
    // The version is appended by the client.
    path: "/gemini",
    urlVariable: "GOOGLE_GEMINI_BASE_URL",
    keyVariable: "GEMINI_API_KEY",
    conflicting: [
      { name: "GOOGLE_API_KEY", effect: "is preferred to GEMINI_API_KEY by the SDK" },
      { name: "GOOGLE_GENAI_USE_VERTEXAI", effect: "sends the requests to Google Vertex AI" },
      { name: "GOOGLE_GENAI_USE_GCA", effect: "makes Gemini CLI use its Google login" },
    ],
  },
  codex: {
    title: "Codex",
    family: "openai",
    path: "/openai/v1",
    // Codex ignores OPENAI_BASE_URL: it needs a provider in its configuration.
    urlVariable: undefined,
    keyVariable: "CC_RELAY_KEY",
    conflicting: [],
  },
  openai: {
    title: "the OpenAI SDKs",
    family: "openai",
    path: "/openai/v1",
    urlVariable: "OPENAI_BASE_URL",
    keyVariable: "OPENAI_API_KEY",
    conflicting: [
      { name: "OPENAI_ORG_ID", effect: "names an organization that the accounts' keys do not belong to" },
      { name: "OPENAI_PROJECT_ID", effect: "names a project that the accounts' keys do not belong to" },
    ],
  },
};

/** The conflicting variables that are set, in the order of the table. */
export function findConflicts(client: Client, env: Environment): Conflict[] {
  return clientInfo[client].conflicting.filter(({ name }) => Boolean(env[name]));
}

/** The proxy variable through which a client would send its requests to `host`; undefined when none does. */
export function proxyInTheWay(host: string, env: Environment): string | undefined {
  const name = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"].find(
    (each) => Boolean(env[each]),
  );
  if (name === undefined) return undefined;
  // A client reads one of the two spellings, and which one differs: only both make it certain, one is the custom.
  const exceptions = `${env.NO_PROXY ?? ""},${env.no_proxy ?? ""}`.split(/[\s,]+/);
  return exceptions.some((exception) => covers(exception, host)) ? undefined : name;
}

/** NO_PROXY with the host added, for a child process. */
export function withoutProxy(host: string, env: Environment): Record<string, string> {
  const present = env.NO_PROXY || env.no_proxy;
  const value = present ? `${present},${host}` : host;
  return { NO_PROXY: value, no_proxy: value };
}

/** The keys of the provider in Codex's configuration and their values, written as TOML. */
export function codexProvider({
  baseUrl,
  keyVariable,
  webSocket,
}: {
  baseUrl: string;
  keyVariable: string;
  webSocket: boolean;
}): [string, string][] {
  return [
    ["name", '"cc-relay"'],
    ["base_url", JSON.stringify(baseUrl)],
    ["wire_api", '"responses"'],
    ["env_key", JSON.stringify(keyVariable)],
    ["supports_websockets", String(webSocket)],
  ];
}

function covers(exception: string, host: string): boolean {
  const withoutPort = /^(\[.*\]|[^:]*):\d+$/.exec(exception)?.[1] ?? exception;
  const bare = withoutPort
    .replace(/^\[|\]$/g, "")
    .replace(/^\*?\./, "")
    .toLowerCase();
  if (bare === "") return false;
  return bare === "*" || bare === host || host.endsWith(`.${bare}`);
}
