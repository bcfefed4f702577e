// The Claude Messages dialect: Claude Code and Anthropic's SDKs.

import { type Binding, bindingId, type Thread } from "../domain/call.ts";
import { type RelayError, type RelayErrorCode, relayErrors } from "../domain/errors.ts";
import {
  firstElements,
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
import { stringField } from "../json/json-values.ts";
import { contentText, elementsAt, lastSaid, scanBody, textAt } from "./body-text.ts";
import type { Dialect, MergedModels, RenderedError, RequestFacts, RequestParts, Route } from "./dialect.ts";
import { errorHeaders } from "./error-headers.ts";
import { mergeEntries } from "./model-list.ts";
import {
  collapseSlashes,
  findRoute,
  isKnownPath,
  methodEnding,
  type RouteRule,
  withoutPrefix,
} from "./routes.ts";
import { sessionFromHeaders, sessionFromText } from "./session.ts";

export const claudeDialect: Dialect = {
  name: "claude",
  family: "claude",
  match,
  knows: (path) => isKnownPath(rules, innerPath(path)),
  read,
  opensTurn,
  renderError,
  mergeModels,
};

const rules: readonly RouteRule[] = [
  { methods: ["POST"], pattern: /^\/v1\/messages$/, operation: "generate" },
  { methods: ["POST"], pattern: /^\/v1\/messages\/count_tokens$/, operation: "count-tokens" },
  { methods: ["GET"], pattern: /^\/v1\/models$/, operation: "list-models" },
  {
    methods: ["GET"],
    // With a method behind the model it is Gemini's.
    pattern: new RegExp(`^/v1/models/(?<model>(?!.*${methodEnding})[^/]+)$`),
    operation: "get-model",
  },
];

function match(method: string, path: string): Route | undefined {
  const inner = innerPath(path);
  const found = findRoute(rules, method, inner);
  return found && { dialect: "claude", path: inner, ...found };
}

function innerPath(path: string): string {
  return withoutPrefix(collapseSlashes(path), ["/api", "/claude"]);
}

const memberNames: readonly string[] = [
  ...["model", "stream", "metadata", "container", "thread"],
  ...["system", "messages"],
];

/** The form of the Files API's ids; a tool's own argument may have the name `file_id` too. */
const boundTo: readonly SoughtKey[] = [{ key: "file_id", accepts: (value) => value.startsWith("file_") }];

function read(route: Route, { headers, body = Buffer.alloc(0) }: RequestParts): RequestFacts {
  const scanned = scanBody(body, memberNames, boundTo);
  const { members } = scanned;
  const stream = route.operation === "generate" && readBoolean(body, members.get("stream")) === true;
  return {
    model: readString(body, members.get("model")) ?? route.model,
    stream,
    streamForm: stream ? "sse" : undefined,
    session:
      sessionFromHeaders(headers) ??
      sessionOfUser(body, members.get("metadata")) ??
      openingText(body, members),
    binding: readBinding(body, scanned),
    thread: readThread(body, members.get("thread")),
    headerBudgetMs: undefined,
  };
}

/**
 * The session in `metadata.user_id`. Seen in Claude Code: a string that holds JSON with `session_id`; in its older versions
 * `user_<hash>_account_<uuid>_session_<uuid>`. A user id of any other form names a user, not a conversation.
 */
function sessionOfUser(body: Buffer, metadata: Span | undefined): string | undefined {
  const userId = stringAt(body, "user_id", metadata);
  if (userId === undefined) return undefined;
  const mark = userId.lastIndexOf("_session_");
  if (mark >= 0 && userId.startsWith("user_")) return userId.slice(mark + "_session_".length) || undefined;
  const inner = Buffer.from(userId);
  return readString(inner, scanBody(inner, ["session_id"], []).members.get("session_id")) || undefined;
}

function openingText(body: Buffer, members: Members): string | undefined {
  return sessionFromText([
    contentText(body, members.get("system"), isAttribution),
    firstUserText(body, members.get("messages")),
  ]);
}

/** Claude Code's first system block; older versions change it within a conversation. */
function isAttribution(text: string): boolean {
  return text.startsWith("x-anthropic-billing-header:");
}

function firstUserText(body: Buffer, messages: Span | undefined): string {
  for (const message of elementsAt(body, messages)) {
    const members = membersAt(body, ["role", "content"], message);
    if (readString(body, members.get("role")) === "user") return contentText(body, members.get("content"));
  }
  return "";
}

/** Containers, threads and files belong to one organisation. */
function readBinding(body: Buffer, { members, strings }: ScannedObject): Binding | undefined {
  const holder = members.get("container") ?? members.get("thread");
  const inHolder = membersAt(body, ["id"], holder).get("id");
  const id = textAt(body, holder) ?? textAt(body, inHolder) ?? strings.get("file_id");
  return id ? { kind: "file", id: bindingId(id) } : undefined;
}

/** A beta: `{type: "continue", previous_message_id}`. Where the message is not known the SDK sends the whole conversation again. */
function readThread(body: Buffer, thread: Span | undefined): Thread | undefined {
  const json = body.subarray(thread?.start ?? 0, thread?.end ?? 0);
  const members = scanMembers(json, ["previous_message_id"]);
  if (members === undefined) return undefined;
  const id = textAt(json, members.get("previous_message_id"));
  return { previousId: id ? bindingId(id) : undefined };
}

function opensTurn(body: Buffer): boolean {
  const last = lastSaid(body, scanMembers(body, ["messages"])?.get("messages"));
  const members = membersAt(body, ["role", "content"], last);
  if (readString(body, members.get("role")) !== "user") return false;
  for (const block of firstElements(body, members.get("content"))) {
    if (stringAt(body, "type", block) === "tool_result") return false;
  }
  return true;
}

function renderError(error: RelayError): RenderedError {
  const status = isOverloaded(error) ? 529 : relayErrors[error.code].status;
  const body = { type: "error", error: { type: errorType(error.code), message: error.message } };
  return { status, headers: errorHeaders(error), body: JSON.stringify(body) };
}

/** The status of Claude's own API for it; Claude Code waits and asks again. */
function isOverloaded({ code }: RelayError): boolean {
  return code === "over_capacity" || code === "edge_refused";
}

/** The types that Claude Code expects of a gateway (Anthropic's gateway protocol). */
function errorType(code: RelayErrorCode): string {
  switch (code) {
    case "invalid_key":
      return "authentication_error";
    case "forbidden_origin":
    case "forbidden_host":
      return "permission_error";
    case "not_found":
    case "unknown_account":
    case "unknown_model":
    case "binding_gone":
      return "not_found_error";
    case "method_not_allowed":
    case "body_timeout":
    case "invalid_request":
    case "unsupported_encoding":
    case "upgrade_required":
      return "invalid_request_error";
    case "body_too_large":
      return "request_too_large";
    case "all_limited":
    case "account_in_cooldown":
      return "rate_limit_error";
    case "not_supported":
      return "not_supported";
    case "over_capacity":
    case "edge_refused":
      return "overloaded_error";
    case "upstream_unreachable":
    case "upstream_truncated":
    case "upstream_invalid":
    case "out_of_resources":
    case "no_account":
    case "needs_login":
    case "memory_exhausted":
    case "draining":
    case "upstream_timeout":
    case "internal":
      return "api_error";
  }
}

function mergeModels(bodies: readonly Buffer[]): MergedModels {
  const { pages, entries } = mergeEntries(bodies, "data", "id");
  const unfinished = pages.findLast((page) => page.document.has_more === true);
  const idOf = (entry: unknown) => stringField(entry, "id") ?? null;
  const body = JSON.stringify({
    data: entries,
    has_more: unfinished !== undefined,
    first_id: idOf(entries[0]),
    last_id: idOf((unfinished?.entries ?? entries).at(-1)),
  });
  return { body, read: pages.length };
}
