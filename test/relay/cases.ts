// The ways in which clients speak, each described once: the shared suite runs over every one of them, so that none can fall behind.

import type { AccountConfig, Config } from "../../src/config/config.ts";
import { geminiErrorBody } from "../../src/demo/provider/gemini.ts";
import type { AccountType, Family } from "../../src/domain/family.ts";
import type { AuthorizationServer } from "../support/authorization-server.ts";
import type { Behaviour } from "../support/behaviour.ts";
import { claudeError, claudeErrorEvent, claudeFailures } from "../support/claude-script.ts";
import type { ClientRequest } from "../support/client.ts";
import { geminiFailures } from "../support/gemini-script.ts";
import { codexPath, openaiFailedEvent, openaiFailures } from "../support/openai-script.ts";
import { ownAccount, ownLogins, secretsIn } from "../support/own-logins.ts";
import { testAccount } from "../support/relay.ts";

export interface DialectCase {
  name: string;
  family: Family;
  type: AccountType;
  /** The bytes of body and answer go through as they are. */
  isNative: boolean;
  /** The client's API is another family's: errors are written anew, and a truncated stream ends with an error event. */
  isConverted: boolean;
  /** The accounts have logins, and this `[oauth]` table says where they are refreshed. */
  login?: "claude" | "gemini";
  /** The requests carry this login of the client's own: the first account has no other, and only the second has a credential. */
  own?: readonly string[];
  /** What the accounts have beside their type and credential. */
  settings?: Partial<AccountConfig>;
  /** Between the upstream's address and the version in the paths. */
  urlPath?: string;
  /** The name that the provider gets in place of the request's model. */
  sentModel?: string;
  /** Another case whose answers go the same way through the relay; what holds of their bytes is tried there in full. */
  hasAnswersOf?: string;
  /** A clean end without the API's last event counts as cut. */
  hasTerminalEvent: boolean;
  /** A request of one session; the text makes the body unlike others. */
  request(options?: RequestOptions): ClientRequest;
  /** Headers that carry the relay's key in this API's own way. */
  keyHeaders(key: string): string[];
  /** Behaviours of the upstream after which the next account must answer, unseen by the client. */
  failsOver: Record<string, () => Behaviour>;
  /** Behaviours that are passed on as they are and blame nobody. */
  passedOn: Record<string, () => Behaviour>;
  /** The account's limit, until the given time. */
  limited(untilMs: number): Behaviour;
  overloaded(): Behaviour;
  unauthorized(): Behaviour;
  /** An error as the first event of a stream; a limit or a fault. */
  firstEventError: Behaviour;
  /** What the client gets when every account is out. */
  allLimited: { status: number; type: RegExp };
  overCapacity: number;
  wrongKey: RegExp;
}

export interface RequestOptions {
  session?: string;
  stream?: boolean;
  text?: string;
  headers?: string[];
}

export interface AccountsOptions {
  /** Of the scripted upstream. */
  url: string;
  ids?: readonly string[];
  /** Where accounts with a login get it. */
  authorization?: Pick<AuthorizationServer, "issue">;
}

/** In order of priority. */
export function accountsOf(dialect: DialectCase, options: AccountsOptions): AccountConfig[] {
  const { url, ids = ["first", "second"], authorization } = options;
  return ids.map((id, index) => {
    const priority = 200 - index;
    if (dialect.own && index === 0) return ownAccount(dialect.family, { id, priority });
    return testAccount(id, dialect.type, url, {
      priority,
      ...(authorization && { secret: authorization.issue(id), extras: { project: `project-of-${id}` } }),
      ...(dialect.urlPath !== undefined && { apiUrl: `${url}${dialect.urlPath}` }),
      ...dialect.settings,
    });
  });
}

/** Puts every address of a provider's to the scripted one, and the refreshing of logins to the authorization server. */
export function leadTo(
  url: string,
  { login }: Pick<DialectCase, "login">,
  authorization?: Pick<AuthorizationServer, "url">,
): (config: Config) => Config {
  const providerUrls = {
    claude: url,
    gemini: url,
    openai: `${url}/v1`,
    chatgpt: `${url}${codexPath}`,
    codeAssist: url,
  };
  return (config) => ({
    ...config,
    upstream: { ...config.upstream, providerUrls },
    oauth:
      login && authorization
        ? { ...config.oauth, [login]: { tokenUrl: `${authorization.url}/token` } }
        : config.oauth,
  });
}

const ownSecrets = new Set(Object.values(ownLogins).map((headers) => secretsIn(headers)[0]));

/** The account whose key or token a provider was shown; the client's own login is the first account's. */
export function accountOf(credential: string): string {
  if (ownSecrets.has(credential)) return "first";
  return /^(?:key-of-|access-(?=.+-))(.+?)(?:-[0-9a-f]{24})?$/.exec(credential)?.[1] ?? credential;
}

const soon = () => Date.now() + 7_200_000;

const claude: DialectCase = {
  name: "Claude Messages",
  family: "claude",
  type: "claude-api",
  isNative: true,
  isConverted: false,
  hasTerminalEvent: true,
  request: ({ session, stream = true, text = "Grüß Gott", headers = [] } = {}) => ({
    path: "/v1/messages?beta=true",
    headers: [
      "anthropic-version",
      "2023-06-01",
      "Content-Type",
      "application/json",
      ...(session === undefined ? [] : ["X-Claude-Code-Session-Id", session]),
      ...headers,
    ],
    // Odd spacing and an escape: what comes back from a JSON parser would not be the same bytes.
    body: `{"model":"claude-opus-5-5",  "messages":[{"role":"user","content":${JSON.stringify(text)}}],"max_tokens":1e2,"x":"\\u00e9","stream":${stream}}`,
  }),
  keyHeaders: (key) => ["x-api-key", key],
  failsOver: {
    "429 with a used-up window": () => claudeFailures.windowRejected("5h", soon()),
    "429 for one model family": () => claudeFailures.modelWindowRejected(soon()),
    "429 of an empty bucket": () => claudeFailures.bucketEmpty(90),
    "429 without any header": () => claudeFailures.bare429(),
    "529": () => claudeFailures.overloaded(),
    "500": () => claudeFailures.serverError(500),
    "503": () => claudeFailures.serverError(503),
    "504": () => claudeFailures.serverError(504),
    "401": () => claudeFailures.unauthorized(),
    "402": () => claudeError(402),
    "403 about one model": () => claudeFailures.modelDenied(),
    "400 of an empty purse": () => claudeFailures.creditTooLow(),
    "400 of a disabled organisation": () => claudeFailures.organizationDisabled(),
  },
  passedOn: {
    "400": () => claudeError(400, { message: "messages: at least one message is required" }),
    "404": () => claudeError(404, { message: "no such thing" }),
    "413": () => claudeError(413),
    "422": () => claudeError(422, { type: "invalid_request_error" }),
    "429 about extra usage": () => claudeFailures.extraUsage(),
  },
  limited: (untilMs) => claudeFailures.windowRejected("5h", untilMs),
  overloaded: claudeFailures.overloaded,
  unauthorized: claudeFailures.unauthorized,
  firstEventError: { firstEvent: claudeErrorEvent("overloaded_error") },
  allLimited: { status: 429, type: /"type":"rate_limit_error"/ },
  overCapacity: 529,
  wrongKey: /"type":"authentication_error"/,
};

const gemini: DialectCase = {
  name: "Gemini",
  family: "gemini",
  type: "gemini-api",
  isNative: true,
  isConverted: false,
  hasTerminalEvent: true,
  request: ({ session, stream = true, text = "Grüß Gott", headers = [] } = {}) => ({
    path: stream
      ? "/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
      : "/v1beta/models/gemini-2.5-pro:generateContent",
    headers: [
      "Content-Type",
      "application/json",
      ...(session === undefined ? [] : ["x-session-id", session]),
      ...headers,
    ],
    body: `{ "contents":[{"role":"user","parts":[{"text":${JSON.stringify(text)}}]}],"x":"\\u00e9" }`,
  }),
  keyHeaders: (key) => ["x-goog-api-key", key],
  failsOver: {
    "429 per minute": () => geminiFailures.perMinute("34s"),
    "429 per day": () => geminiFailures.perDay(),
    "429 without quota": () => geminiFailures.noQuotaAtAll(),
    "429 of capacity": () => geminiFailures.capacity(),
    "500": () => geminiFailures.serverError(),
    "503": () => geminiFailures.overloaded(),
    "400 of an invalid key": () => geminiFailures.keyInvalid(),
    "401": () => geminiFailures.unauthenticated(),
    "403 of a suspended consumer": () => geminiFailures.suspended(),
  },
  passedOn: {
    "400": () => geminiFailures.invalidRequest(),
  },
  limited: (untilMs) => geminiFailures.perMinute(`${Math.ceil((untilMs - Date.now()) / 1000)}s`),
  overloaded: geminiFailures.overloaded,
  unauthorized: geminiFailures.keyInvalid,
  firstEventError: { firstEvent: geminiErrorBody(503, { message: "The model is overloaded." }) },
  allLimited: { status: 429, type: /"status":"RESOURCE_EXHAUSTED"[\s\S]*google\.rpc\.RetryInfo/ },
  overCapacity: 503,
  wrongKey: /"status":"UNAUTHENTICATED"/,
};

const openai: DialectCase = {
  name: "OpenAI Responses",
  family: "openai",
  type: "openai-responses",
  isNative: true,
  isConverted: false,
  hasTerminalEvent: true,
  request: ({ session, stream = true, text = "Grüß Gott", headers = [] } = {}) => ({
    path: "/openai/v1/responses",
    headers: [
      "Content-Type",
      "application/json",
      ...(session === undefined ? [] : ["session-id", session]),
      ...headers,
    ],
    body: `{"model":"gpt-5", "input":[{"role":"user","content":${JSON.stringify(text)}}],"x":"\\u00e9","store":false,"stream":${stream}}`,
  }),
  keyHeaders: (key) => ["Authorization", `Bearer ${key}`],
  failsOver: {
    "429 with a reset": () => openaiFailures.rateLimited(90),
    "429 of a quota": () => openaiFailures.quota(),
    "429 of a usage limit": () => openaiFailures.usageLimit(soon()),
    "401": () => openaiFailures.unauthorized(),
    "404 of a model": () => openaiFailures.modelMissing(),
    "500": () => openaiFailures.serverError(),
    "503": () => openaiFailures.overloaded(),
  },
  passedOn: {
    "400": () => openaiFailures.invalidRequest(),
    "400 about an unknown response": () => openaiFailures.previousResponseNotFound("resp_x"),
  },
  limited: (untilMs) => openaiFailures.usageLimit(untilMs),
  overloaded: openaiFailures.overloaded,
  unauthorized: openaiFailures.unauthorized,
  firstEventError: { firstEvent: openaiFailedEvent("server_is_overloaded") },
  allLimited: { status: 429, type: /"code":"/ },
  overCapacity: 503,
  wrongKey: /"code":"invalid_api_key"/,
};

const chat: DialectCase = {
  ...claude,
  name: "Chat Completions",
  isNative: false,
  isConverted: true,
  request: ({ session, stream = true, text = "Grüß Gott", headers = [] } = {}) => ({
    path: "/v1/chat/completions",
    headers: [
      "Content-Type",
      "application/json",
      ...(session === undefined ? [] : ["x-session-id", session]),
      ...headers,
    ],
    body: { model: "claude-opus-5-5", messages: [{ role: "user", content: text }], stream },
  }),
  keyHeaders: (key) => ["Authorization", `Bearer ${key}`],
  passedOn: {
    "400": claude.passedOn["400"]!,
    "413": claude.passedOn["413"]!,
  },
  allLimited: { status: 429, type: /"code":"insufficient_quota"/ },
  overCapacity: 503,
  wrongKey: /"code":"invalid_api_key"/,
};

/** A model that is no Claude model: as it came, to an account of the openai family. */
const chatNative: DialectCase = {
  ...openai,
  name: "Chat Completions as they come",
  request: ({ session, stream = true, text = "Grüß Gott", headers = [] } = {}) => ({
    path: "/v1/chat/completions",
    headers: [
      "Content-Type",
      "application/json",
      ...(session === undefined ? [] : ["x-session-id", session]),
      ...headers,
    ],
    body: `{"model":"gpt-5", "messages":[{"role":"user","content":${JSON.stringify(text)}}],"x":"\\u00e9","stream":${stream}${stream ? ',"stream_options":{"include_usage":true}' : ""}}`,
  }),
  passedOn: { "400": openai.passedOn["400"]! },
  firstEventError: {
    firstEvent: { error: { message: "Overloaded.", type: "server_error", code: "server_is_overloaded" } },
  },
  allLimited: { status: 429, type: /"code":"insufficient_quota"/ },
};

/** What a login answers to a refusal is a refresh, not another account. */
export function without(
  failures: Record<string, () => Behaviour>,
  ...names: string[]
): DialectCase["failsOver"] {
  return Object.fromEntries(Object.entries(failures).filter(([name]) => !names.includes(name)));
}

const claudeLogin: DialectCase = {
  ...claude,
  name: "Claude Messages with a login",
  hasAnswersOf: claude.name,
  type: "claude-oauth",
  login: "claude",
  failsOver: without(claude.failsOver, "401"),
};

const codeAssist: DialectCase = {
  ...gemini,
  name: "Gemini on Code Assist",
  type: "gemini",
  login: "gemini",
  isNative: false,
  failsOver: {
    ...without(gemini.failsOver, "401", "400 of an invalid key"),
    "429 for seconds": () => geminiFailures.codeAssistLimited(),
    "429 for hours": () => geminiFailures.codeAssistExhausted(),
  },
  limited: (untilMs) => geminiFailures.codeAssistExhausted(`${Math.ceil((untilMs - Date.now()) / 1000)}s`),
  unauthorized: geminiFailures.unauthenticated,
};

const codeAssistOwn: DialectCase = {
  ...codeAssist,
  name: "Code Assist's own API",
  request: ({ session, stream = true, text = "Grüß Gott", headers = [] } = {}) => ({
    path: stream ? "/gemini/v1internal:streamGenerateContent?alt=sse" : "/v1internal:generateContent",
    headers: [
      "Content-Type",
      "application/json",
      ...(session === undefined ? [] : ["x-session-id", session]),
      ...headers,
    ],
    body: `{ "model":"gemini-2.5-pro", "project":"of-the-client", "request":{"contents":[{"role":"user","parts":[{"text":${JSON.stringify(text)}}]}],"x":"\\u00e9"} }`,
  }),
  keyHeaders: (key) => ["Authorization", `Bearer ${key}`],
};

/** The four ways in which clients speak, on accounts with API keys. */
export const dialectCases: readonly DialectCase[] = [claude, gemini, openai, chat];

/** The shared suite runs over each of these in a file of its own. */
export const cases = {
  claude,
  gemini,
  openai,
  chat,
  chatNative,
  claudeLogin,
  codeAssist,
  codeAssistOwn,
} as const;
