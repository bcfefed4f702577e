// The OpenAI Responses dialect: Codex and OpenAI's SDKs, and errors in its form.

import { type Binding, bindingId, type HeaderMap, turnStateHeader } from "../domain/call.ts";
import { type RelayError, type RelayErrorCode, relayErrors } from "../domain/errors.ts";
import {
  type Members,
  membersAt,
  readBoolean,
  readString,
  type ScannedObject,
  type SoughtKey,
  type Span,
  scanMembers,
  stringAt,
} from "../json/json-scan.ts";
import { contentText, elementsAt, lastSaid, scanBody, textAt } from "./body-text.ts";
import type {
  Dialect,
  ErrorContext,
  MergedModels,
  RenderedError,
  RequestFacts,
  RequestParts,
  Route,
} from "./dialect.ts";
import { errorHeaders, maxWaitSeconds, retryAfterSeconds } from "./error-headers.ts";
import { mergeEntries } from "./model-list.ts";
import { encrypted } from "./openai-frame.ts";
import { collapseSlashes, decodeSegment, findRoute, isKnownPath, type RouteRule } from "./routes.ts";
import { sessionFromHeaders, sessionFromText } from "./session.ts";

export const openaiDialect: Dialect = {
  name: "openai",
  family: "openai",
  match,
  knows: (path) => isKnownPath(rules, innerPath(path)),
  read,
  opensTurn,
  renderError,
  mergeModels,
};

const rules: readonly RouteRule[] = [
  { methods: ["POST"], pattern: /^\/v1\/responses$/, operation: "generate" },
  { methods: ["POST"], pattern: /^\/v1\/responses\/compact$/, operation: "compact" },
  { methods: ["POST"], pattern: /^\/v1\/responses\/input_tokens$/, operation: "count-tokens" },
  {
    methods: ["GET", "DELETE"],
    pattern: /^\/v1\/responses\/(?!(?:compact|input_tokens)$)[^/]+$/,
    operation: "stored",
  },
  { methods: ["POST"], pattern: /^\/v1\/responses\/[^/]+\/cancel$/, operation: "stored" },
  { methods: ["GET"], pattern: /^\/v1\/responses\/[^/]+\/input_items$/, operation: "stored" },
  { methods: ["GET"], pattern: /^\/v1\/models$/, operation: "list-models" },
  { methods: ["GET"], pattern: /^\/v1\/models\/(?<model>[^/]+)$/, operation: "get-model" },
];

function match(method: string, path: string): Route | undefined {
  const inner = innerPath(path);
  const found = inner === undefined ? undefined : findRoute(rules, method, inner);
  return inner === undefined || found === undefined
    ? undefined
    : { dialect: "openai", path: inner, ...found };
}

/** Without `/openai` only the Responses routes: `/v1/models` is Claude's. */
function innerPath(path: string): string | undefined {
  const collapsed = collapseSlashes(path);
  if (collapsed.startsWith("/openai/v1/")) return collapsed.slice("/openai".length);
  return /^\/v1\/responses(?:\/|$)/.test(collapsed) ? collapsed : undefined;
}

const memberNames: readonly string[] = [
  ...["model", "stream", "prompt_cache_key", "previous_response_id", "conversation"],
  ...["instructions", "input"],
];

/** What only one account can read. Ids are known by their form, since a tool's own argument may have such a name too. */
const boundTo: readonly SoughtKey[] = [
  encrypted,
  { key: "file_id", accepts: (value) => /^file[-_]/.test(value) },
  { key: "container", accepts: (value) => value.startsWith("cntr_") },
];

function read(route: Route, { headers, query, body = Buffer.alloc(0) }: RequestParts): RequestFacts {
  const scanned = scanBody(body, memberNames, boundTo);
  const { members } = scanned;
  const stream =
    route.operation === "stored"
      ? new URLSearchParams(query).get("stream") === "true"
      : route.operation === "generate" &&
        (route.isStreamed === true || readBoolean(body, members.get("stream")) === true);
  return {
    model: readString(body, members.get("model")) ?? route.model,
    stream,
    streamForm: stream ? "sse" : undefined,
    session: readSession(headers, body, members),
    binding: readBinding(route, headers, { body, scanned }),
    headerBudgetMs: undefined,
  };
}

/** What a tool has put out comes back as the last of the input. */
function opensTurn(body: Buffer): boolean {
  const last = lastSaid(body, scanMembers(body, ["input"])?.get("input"));
  return stringAt(body, "type", last)?.endsWith("_output") !== true;
}

function readSession(headers: HeaderMap, body: Buffer, members: Members): string | undefined {
  return (
    sessionFromHeaders(headers) ??
    (readString(body, members.get("prompt_cache_key")) || undefined) ??
    threadOf(headers) ??
    // A request that continues a stored response holds only what is new: its text names no conversation.
    (isId(body, members.get("previous_response_id")) ? undefined : openingText(body, members))
  );
}

/** What Codex versions without a session header send. */
function threadOf(headers: HeaderMap): string | undefined {
  for (const name of ["thread-id", "thread_id", "conversation_id"]) {
    const value = headers[name];
    if (typeof value === "string" && value.trim() !== "") return value.trim();
  }
  return undefined;
}

function openingText(body: Buffer, members: Members): string | undefined {
  const { system, user } = inputTexts(body, members.get("input"));
  return sessionFromText([textAt(body, members.get("instructions")) ?? "", system, user]);
}

/** The texts of `developer` and `system` messages before the first one of the user, and of that one. */
function inputTexts(body: Buffer, input: Span | undefined): { system: string; user: string } {
  const system: string[] = [];
  for (const item of elementsAt(body, input)) {
    const plain = textAt(body, item);
    if (plain !== undefined) return { system: "", user: plain };
    const members = membersAt(body, ["role", "content"], item);
    const role = readString(body, members.get("role"));
    if (role === "user")
      return { system: system.join("\n"), user: contentText(body, members.get("content")) };
    if (role === "developer" || role === "system") system.push(contentText(body, members.get("content")));
  }
  return { system: system.join("\n"), user: "" };
}

/** The strongest tie first: what is stored at one project, what one backend issued, what one organisation can decrypt. */
function readBinding(
  route: Route,
  headers: HeaderMap,
  { body, scanned: { members, strings } }: { body: Buffer; scanned: ScannedObject },
): Binding | undefined {
  const stored = /^\/v1\/responses\/([^/]+)/.exec(route.path)?.[1];
  if (route.operation === "stored" && stored !== undefined) {
    return { kind: "response", id: decodeSegment(stored) };
  }
  const previous = readString(body, members.get("previous_response_id"));
  if (previous) return { kind: "response", id: previous };
  const turn = headers[turnStateHeader];
  if (typeof turn === "string" && turn !== "") return { kind: "turn", id: turn, header: turnStateHeader };
  const encrypted = strings.get("encrypted_content");
  if (encrypted !== undefined) return { kind: "encrypted", id: bindingId(encrypted) };
  const held = idOf(body, members.get("conversation")) ?? strings.get("file_id") ?? strings.get("container");
  return held ? { kind: "file", id: bindingId(held) } : undefined;
}

/** A conversation is named by its id or by an object with one. */
function idOf(body: Buffer, span: Span | undefined): string | undefined {
  if (span === undefined) return undefined;
  return readString(body, span) ?? stringAt(body, "id", span);
}

function isId(body: Buffer, span: Span | undefined): boolean {
  return Boolean(readString(body, span));
}

function mergeModels(bodies: readonly Buffer[]): MergedModels {
  const { pages, entries } = mergeEntries(bodies, "data", "id");
  return { body: JSON.stringify({ object: "list", data: entries }), read: pages.length };
}

function renderError(error: RelayError, { now }: ErrorContext): RenderedError {
  const { type, code, param = null, ...rest } = errorFields(error, now);
  return {
    // The API itself answers 400 for a previous response that is not there.
    status: error.code === "binding_gone" ? 400 : relayErrors[error.code].status,
    headers: errorHeaders(error),
    body: JSON.stringify({ error: { message: error.message, type, param, code, ...rest } }),
  };
}

interface ErrorFields {
  type: string;
  code: string;
  param?: string;
  resets_at?: number;
  resets_in_seconds?: number;
}

function errorFields(error: RelayError, now: number): ErrorFields {
  switch (error.code) {
    case "invalid_key":
      return { type: "invalid_request_error", code: "invalid_api_key" };
    case "unknown_model":
      return { type: "invalid_request_error", code: "model_not_found", param: error.param ?? "model" };
    case "binding_gone":
      return {
        type: "invalid_request_error",
        code: "previous_response_not_found",
        param: error.param ?? "previous_response_id",
      };
    case "all_limited":
    case "account_in_cooldown":
      return limitFields(error, now);
    default:
      return {
        type: isServerFault(error.code) ? "server_error" : "invalid_request_error",
        code: error.code,
        param: error.param,
      };
  }
}

/**
 * Codex waits out any `retry-after` without a word, so a limit that lasts is sent as `usage_limit_reached`: there Codex stops
 * and shows when it ends (seen in Codex 0.169).
 */
function limitFields(error: RelayError, now: number): ErrorFields {
  const wait = retryAfterSeconds(error);
  if (wait === undefined || wait <= maxWaitSeconds) return { type: "requests", code: "rate_limit_exceeded" };
  return {
    type: "usage_limit_reached",
    code: "rate_limit_exceeded",
    resets_at: Math.ceil(now / 1000) + wait,
    resets_in_seconds: wait,
  };
}

function isServerFault(code: RelayErrorCode): boolean {
  return relayErrors[code].status >= 500;
}
