// Every kind of account: one descriptor each. docs/providers.md shows how another one is added.

import type { AccountKind, Probe } from "../account-kinds/account-kind.ts";
import { type AccountType, type Family, providerUrls } from "../domain/family.ts";
import type { LoginExtras } from "../domain/token-store.ts";
import { claudeProvider } from "../oauth/claude.ts";
import { geminiProvider } from "../oauth/gemini.ts";
import { geminiExtras } from "../oauth/gemini-project.ts";
import { claudeUpstream } from "./claude.ts";
import { clientUpstream } from "./client.ts";
import { codeAssistUpstream } from "./code-assist.ts";
import { geminiUpstream } from "./gemini.ts";
import { openaiUpstream } from "./openai.ts";

const withKey = {
  credentials: ["api_key"],
  retiredHosts: [],
  login: undefined,
} as const satisfies Partial<AccountKind>;

const claude = {
  family: "claude",
  defaultUrl: providerUrls.claude,
  upstream: claudeUpstream,
  modelListQuery: "?limit=1000",
  probe: () =>
    listOfModels("/v1/models", { query: "?limit=1", headers: ["anthropic-version", "2023-06-01"] }),
} as const satisfies Partial<AccountKind>;

export const accountKinds: Readonly<Record<AccountType, AccountKind>> = {
  "claude-api": {
    ...withKey,
    ...claude,
    type: "claude-api",
    compatible: true,
    labels: {
      credential: "API key",
      choice: "API key",
      hint: "for every client",
      source: "platform.claude.com",
    },
    smallModels: { pattern: "*haiku*", title: "Claude's small ones (Haiku)" },
  },
  "claude-oauth": {
    ...claude,
    type: "claude-oauth",
    credentials: ["refresh_token", "setup_token"],
    retiredHosts: [],
    compatible: false,
    login: { section: "claude", provider: claudeProvider, extras: undefined },
    labels: {
      credential: "login",
      choice: "Claude subscription, by OAuth",
      hint: "for Claude Code only",
      source: "claude.ai",
    },
    setupToken: { command: "claude setup-token", validity: "a year" },
  },
  "gemini-api": {
    ...withKey,
    type: "gemini-api",
    family: "gemini",
    defaultUrl: providerUrls.gemini,
    compatible: false,
    upstream: geminiUpstream,
    modelListQuery: "?pageSize=1000",
    probe: () => listOfModels("/v1beta/models", { query: "?pageSize=1" }),
    labels: {
      credential: "API key",
      choice: "API key",
      hint: "for every client",
      source: "aistudio.google.com",
    },
  },
  gemini: {
    type: "gemini",
    family: "gemini",
    credentials: ["refresh_token"],
    defaultUrl: providerUrls.codeAssist,
    // The predecessor's example named it.
    retiredHosts: ["cloudcode.googleapis.com"],
    compatible: false,
    upstream: codeAssistUpstream,
    login: {
      section: "gemini",
      // The predecessor read them.
      clientVariables: { id: "GEMINI_OAUTH_CLIENT_ID", secret: "GEMINI_OAUTH_CLIENT_SECRET" },
      provider: geminiProvider,
      extras: geminiExtras,
    },
    modelListQuery: "",
    probe: greetCodeAssist,
    labels: {
      credential: "login",
      choice: "Google account, by OAuth",
      hint: "for Code Assist Standard or Enterprise",
      source: "accounts.google.com",
    },
  },
  "openai-responses": {
    ...withKey,
    type: "openai-responses",
    family: "openai",
    defaultUrl: providerUrls.openai,
    compatible: true,
    upstream: openaiUpstream,
    modelListQuery: "",
    probe: () => listOfModels("/v1/models"),
    labels: {
      credential: "API key",
      choice: "API key",
      hint: "for every client",
      source: "platform.openai.com",
    },
  },
  client: {
    type: "client",
    family: undefined,
    credentials: [],
    defaultUrl: undefined,
    retiredHosts: [],
    compatible: false,
    upstream: clientUpstream,
    login: undefined,
    modelListQuery: "",
    probe: undefined,
    labels: { credential: "login", choice: "the client's own", hint: "nothing is kept of it", source: "" },
  },
};

/** The kind of a family's accounts that have an API key. */
export const keyKinds: Readonly<Record<Family, AccountKind>> = {
  claude: accountKinds["claude-api"],
  gemini: accountKinds["gemini-api"],
  openai: accountKinds["openai-responses"],
};

/** The kind of a family's accounts with a login of their own; undefined: the relay cannot log in there. */
export function loginKind(family: Family): AccountKind | undefined {
  return Object.values(accountKinds).find((kind) => kind.family === family && kind.login !== undefined);
}

function listOfModels(
  path: string,
  { query = "", headers = [] }: { query?: string; headers?: readonly string[] } = {},
): Probe {
  return { operation: "list-models", method: "GET", path, query, headers, body: undefined };
}

/** Code Assist has no list of models, and its greeting costs nothing either. */
function greetCodeAssist({ project }: LoginExtras): Probe {
  const metadata = { ideType: "IDE_UNSPECIFIED", platform: "PLATFORM_UNSPECIFIED", pluginType: "GEMINI" };
  return {
    operation: "code-assist",
    method: "POST",
    path: "/v1internal:loadCodeAssist",
    query: "",
    headers: ["content-type", "application/json"],
    body: JSON.stringify({
      metadata,
      ...(project === undefined ? {} : { cloudaicompanionProject: project }),
    }),
  };
}
