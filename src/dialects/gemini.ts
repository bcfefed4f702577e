// The Gemini dialect: Gemini CLI in both of its modes and Google's SDKs.

import { type Binding, bindingId, type HeaderMap } from "../domain/call.ts";
import { type RelayError, relayErrors } from "../domain/errors.ts";
import { googleStatusOf } from "../domain/google-status.ts";
import {
  type Members,
  membersAt,
  readString,
  type ScannedObject,
  type SoughtKey,
  type Span,
  stringAt,
} from "../json/json-scan.ts";
import { contentText, elementsAt, scanBody } from "./body-text.ts";
import type {
  Dialect,
  ErrorContext,
  MergedModels,
  RenderedError,
  RequestFacts,
  RequestParts,
  Route,
} from "./dialect.ts";
import { errorHeaders, readShouldRetry, retryAfterSeconds } from "./error-headers.ts";
import { knowsGemini, matchGemini } from "./gemini-routes.ts";
import { mergeEntries } from "./model-list.ts";
import { sessionFromHeaders, sessionFromText } from "./session.ts";

export const geminiDialect: Dialect = {
  name: "gemini",
  family: "gemini",
  match: matchGemini,
  knows: knowsGemini,
  read,
  renderError,
  mergeModels,
};

/** Gemini CLI stops 60 s after a request when no header has come, and asks again. */
const headerBudgetMs = 55_000;

const openingNames: readonly string[] = ["systemInstruction", "system_instruction", "contents"];
const memberNames: readonly string[] = [
  ...["model", "user_prompt_id", "request", "generateContentRequest"],
  ...openingNames,
];

/** The strongest tie first. */
const boundTo: readonly SoughtKey[] = [
  { key: "cachedContent", accepts: isCacheName },
  { key: "cached_content", accepts: isCacheName },
  { key: "fileUri", accepts: isFileUri },
  { key: "file_uri", accepts: isFileUri },
];

function read(route: Route, { headers, query, body = Buffer.alloc(0) }: RequestParts): RequestFacts {
  const codeAssist = route.path.startsWith("/v1internal");
  const stream = route.path.endsWith(":streamGenerateContent");
  const { members, strings } = scanBody(body, route.operation === "embed" ? [] : memberNames, boundTo);
  const inner = members.get(codeAssist ? "request" : "generateContentRequest");
  return {
    model: route.model ?? (codeAssist ? withoutModels(readString(body, members.get("model"))) : undefined),
    stream,
    streamForm: stream ? streamForm(query) : undefined,
    session:
      sessionFromHeaders(headers) ??
      (codeAssist ? codeAssistSession(body, inner, members.get("user_prompt_id")) : undefined) ??
      (route.operation === "generate" || route.operation === "count-tokens"
        ? openingText(body, inner === undefined ? members : membersAt(body, openingNames, inner))
        : undefined),
    binding: readBinding(strings),
    headerBudgetMs: !codeAssist && isGeminiCli(headers) ? headerBudgetMs : undefined,
  };
}

function withoutModels(model: string | undefined): string | undefined {
  return model?.startsWith("models/") ? model.slice("models/".length) : model;
}

/** `alt` and `$alt` are both legal; any value but `sse` gives the JSON array. */
function streamForm(query: string): "sse" | "json-array" {
  const parameters = new URLSearchParams(query);
  return (parameters.get("alt") ?? parameters.get("$alt"))?.toLowerCase() === "sse" ? "sse" : "json-array";
}

/** Gemini CLI's prompt id is its session id, `########` and a count. */
function codeAssistSession(
  body: Buffer,
  request: Span | undefined,
  promptId: Span | undefined,
): string | undefined {
  const session = stringAt(body, "session_id", request);
  return session || readString(body, promptId)?.split("########", 1)[0] || undefined;
}

function openingText(body: Buffer, members: Members): string | undefined {
  const system = members.get("systemInstruction") ?? members.get("system_instruction");
  return sessionFromText([partsText(body, system), firstUserText(body, members.get("contents"))]);
}

function firstUserText(body: Buffer, contents: Span | undefined): string {
  for (const content of elementsAt(body, contents)) {
    const role = stringAt(body, "role", content);
    if (role === undefined || role === "user") return partsText(body, content, isSessionContext);
  }
  return "";
}

/**
 * Gemini CLI's text before the first prompt: the day, and the files of the folder. They are written anew when a session is
 * taken up again, and by then the session itself has changed the files.
 */
function isSessionContext(text: string): boolean {
  return text.startsWith("<session_context>");
}

/** A content is `{parts}`; loose clients send a string. */
function partsText(body: Buffer, content: Span | undefined, skip?: (text: string) => boolean): string {
  if (content === undefined) return "";
  const parts = membersAt(body, ["parts"], content).get("parts");
  return contentText(body, parts ?? content, skip);
}

/** Uploaded files and context caches belong to one project. */
function readBinding(strings: ScannedObject["strings"]): Binding | undefined {
  const id = boundTo.map(({ key }) => strings.get(key)).find((value) => value !== undefined);
  return id === undefined ? undefined : { kind: "file", id: bindingId(id) };
}

function isCacheName(value: string): boolean {
  return value.startsWith("cachedContents/");
}

/** Other addresses (YouTube, Cloud Storage) are no account's. */
function isFileUri(value: string): boolean {
  return /^(?:https:\/\/generativelanguage\.googleapis\.com\/v1\w*\/)?files\/[\w-]+$/.test(value);
}

function isGeminiCli(headers: HeaderMap): boolean {
  return String(headers["user-agent"] ?? "").startsWith("GeminiCLI");
}

function renderError(error: RelayError, { model, streamForm }: ErrorContext): RenderedError {
  const { status } = relayErrors[error.code];
  const details = errorDetails(error, model);
  const body = {
    error: {
      code: status,
      message: error.message,
      status: googleStatusOf(relayErrors[error.code].status) ?? "UNAVAILABLE",
      ...(details.length > 0 ? { details } : {}),
    },
  };
  return {
    status,
    headers: errorHeaders(error, "application/json; charset=UTF-8"),
    body: JSON.stringify(streamForm === "json-array" ? [body] : body),
  };
}

/**
 * Gemini CLI asks for more than four minutes, without a word, what was answered 503, and no header keeps it from that. Where
 * RetryInfo names more than five minutes it stops and prints the message (seen in Gemini CLI 0.61).
 */
const hopelessWaitSeconds = 3600;

/** Gemini CLI ignores `retry-after` and waits as RetryInfo says; the domain says whose limit it is (Google's AIP-193). */
function errorDetails(error: RelayError, model: string | undefined): unknown[] {
  const details: unknown[] = [];
  if (error.code === "all_limited" || error.code === "account_in_cooldown") {
    details.push({
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: "RATE_LIMIT_EXCEEDED",
      domain: "cc-relay",
      ...(model === undefined ? {} : { metadata: { model } }),
    });
  }
  const isHopeless = relayErrors[error.code].status === 503 && readShouldRetry(error) === false;
  const wait = retryAfterSeconds(error) ?? (isHopeless ? hopelessWaitSeconds : undefined);
  if (wait !== undefined) {
    details.push({ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${wait}s` });
  }
  return details;
}

function mergeModels(bodies: readonly Buffer[]): MergedModels {
  const { pages, entries } = mergeEntries(bodies, "models", "name");
  const token = pages
    .map((page) => page.document.nextPageToken)
    .find((each) => typeof each === "string" && each !== "");
  const body = JSON.stringify({ models: entries, ...(token === undefined ? {} : { nextPageToken: token }) });
  return { body, read: pages.length };
}
