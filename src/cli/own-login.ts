// The variables with which a client keeps its own login and still goes through the relay, whose key travels in a header beside
// it. What works was tried with Claude Code 2.1.330, Gemini CLI 0.61.0 and Codex 0.169.0.

import { type Client, clientInfo } from "../terminal/clients.ts";
import type { Environment, EnvironmentChange } from "../terminal/environment.ts";
import type { ClientAccess } from "./client-access.ts";

export const keyHeader = "x-cc-relay-key";

interface OwnLogin {
  urlVariable: string | undefined;
  /** A variable of headers that the client adds; undefined where it has none. */
  headersVariable: string | undefined;
  /** Between two headers of that variable, and between a header's name and its value. */
  separators: readonly [headers: string, value: string];
  /** What else it needs. */
  others: Readonly<Record<string, string>>;
  /** What would take the login's place. */
  replacing: readonly string[];
}

const ownLogins: Readonly<Record<Client, OwnLogin>> = {
  claude: {
    urlVariable: "ANTHROPIC_BASE_URL",
    headersVariable: "ANTHROPIC_CUSTOM_HEADERS",
    separators: ["\n", ": "],
    others: {},
    replacing: ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"],
  },
  gemini: {
    // GOOGLE_GEMINI_BASE_URL does not move what a login asks.
    urlVariable: "CODE_ASSIST_ENDPOINT",
    headersVariable: "GEMINI_CLI_CUSTOM_HEADERS",
    separators: [",", ":"],
    others: { GOOGLE_GENAI_USE_GCA: "true" },
    replacing: ["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_GENAI_USE_VERTEXAI"],
  },
  // Its provider names the variable of the key as a header: see codexOwnProvider.
  codex: {
    urlVariable: undefined,
    headersVariable: undefined,
    separators: ["", ""],
    others: {},
    replacing: [],
  },
  openai: {
    urlVariable: "OPENAI_BASE_URL",
    headersVariable: undefined,
    separators: ["", ""],
    others: {},
    replacing: [],
  },
};

/** Headers that the person has set stay. */
export function ownLoginVariables(
  client: Client,
  { origin, key }: Pick<ClientAccess, "origin" | "key">,
  env: Environment,
): Required<EnvironmentChange> {
  const { urlVariable, headersVariable, separators, others, replacing } = ownLogins[client];
  const [between, before] = separators;
  const set: Record<string, string> = { ...others };
  if (urlVariable !== undefined) set[urlVariable] = origin + clientInfo[client].path;
  if (key !== undefined && headersVariable !== undefined) {
    const present = (env[headersVariable] ?? "")
      .split(between)
      .filter((header) => header.trim() !== "" && !header.trim().toLowerCase().startsWith(`${keyHeader}:`));
    set[headersVariable] = [...present, `${keyHeader}${before}${key}`].join(between);
  }
  if (key !== undefined && client === "codex") set[clientInfo.codex.keyVariable] = key;
  return { set, remove: [...replacing] };
}

/** For `--unset`: headers of the person's own in the same variable go with it. */
export function ownLoginNames(client: Client): string[] {
  const { urlVariable, headersVariable, others } = ownLogins[client];
  const key = client === "codex" ? clientInfo.codex.keyVariable : undefined;
  return [urlVariable, headersVariable, key, ...Object.keys(others)].filter((name) => name !== undefined);
}

/** What is set and takes the login's place. */
export function findReplacing(client: Client, env: Environment): string[] {
  return ownLogins[client].replacing.filter((name) => Boolean(env[name]));
}

/** The keys of a provider in Codex's configuration that sends Codex's own login, and their values, written as TOML. */
export function codexOwnProvider(baseUrl: string, key: string | undefined): [string, string][] {
  const header = `{ "${keyHeader}" = "${clientInfo.codex.keyVariable}" }`;
  return [
    ["name", '"cc-relay"'],
    ["base_url", JSON.stringify(baseUrl)],
    ["wire_api", '"responses"'],
    // Together with env_key the login would not be sent.
    ["requires_openai_auth", "true"],
    ...(key === undefined ? [] : [["env_http_headers", header] satisfies [string, string]]),
    ["supports_websockets", "false"],
  ];
}
