// The Chat Completions dialect: OpenAI's older API, answered by Claude. Requests are converted to Claude Messages and the
// answers back, so only accounts with an API key serve it: a Claude login is for what a Claude client itself sends.

import { type Call, type HeaderMap, wholeBody } from "../../call.ts";
import { type Members, readBoolean, readString, type Span } from "../../json-scan.ts";
import { contentText, elementsAt, membersAt, scanBody } from "../body-text.ts";
import type { Conversion, Dialect, RequestFacts, RequestParts } from "../dialect.ts";
import { collapseSlashes } from "../routes.ts";
import { sessionFromHeaders, sessionFromText } from "../session.ts";
import { createJsonAnswer } from "./answer.ts";
import { isFirstRoleRefusal, renderProviderError, renderRelayError } from "./errors.ts";
import { upstreamHeaders } from "./headers.ts";
import { InvalidChatRequest } from "./invalid.ts";
import { isJsonObject, type JsonObject, parseJson } from "./json.ts";
import { convertRequest } from "./request/convert.ts";
import { withOpeningUser } from "./request/messages.ts";
import { createStreamAnswer } from "./stream.ts";

export const chatDialect: Dialect = createChatDialect({ now: Date.now });

/** @param now epoch ms, for the `created` of answers. */
export function createChatDialect({ now }: { now: () => number }): Dialect {
  return {
    name: "chat",
    family: "claude",
    match: (method, path) =>
      method === "POST" && knows(path)
        ? { dialect: "chat", operation: "generate", path: "/v1/messages" }
        : undefined,
    knows,
    read: (_route, request) => readFacts(request),
    renderError: (error) => renderRelayError(error),
    convert: (call) => convert(call, now),
  };
}

function knows(path: string): boolean {
  return /^(?:\/openai)?\/v1\/chat\/completions$/.test(collapseSlashes(path));
}

function readFacts({ headers, ...request }: RequestParts): RequestFacts {
  const body = withoutMark(request.body ?? Buffer.alloc(0));
  const { members } = scanBody(body, ["model", "stream", "prompt_cache_key", "messages"], []);
  const model = readString(body, members.get("model"))?.trim();
  if (!model) throw missingModel(body, members);
  const stream = readBoolean(body, members.get("stream")) === true;
  return {
    model,
    stream,
    streamForm: stream ? "sse" : undefined,
    session: readSession(headers, body, members),
    binding: undefined,
    onlyTypes: ["claude-api"],
    headerBudgetMs: undefined,
  };
}

/** What stands in the way is told more exactly by parsing the whole: this request goes nowhere. */
function missingModel(body: Buffer, members: Members): InvalidChatRequest {
  if (!members.has("model")) parseBody(body);
  return new InvalidChatRequest("model", "is required, and must be the id of a model.");
}

function readSession(headers: HeaderMap, body: Buffer, members: Members): string | undefined {
  return (
    sessionFromHeaders(headers) ??
    (readString(body, members.get("prompt_cache_key")) || undefined) ??
    sessionFromText(openingTexts(body, members.get("messages")))
  );
}

/** The text of the system messages at the front and of the first message of the user. */
function openingTexts(body: Buffer, messages: Span | undefined): string[] {
  const system: string[] = [];
  for (const message of elementsAt(body, messages)) {
    const members = membersAt(body, ["role", "content"], message);
    const role = readString(body, members.get("role"));
    if (role === "user") return [system.join("\n"), contentText(body, members.get("content"))];
    if (role === "system" || role === "developer") system.push(contentText(body, members.get("content")));
  }
  return [system.join("\n"), ""];
}

function convert(call: Call, now: () => number): Conversion {
  const { model, body, warnings, form } = convertRequest(parseBody(wholeBody(call.body ?? [])));
  const converted: Call = {
    ...call,
    path: "/v1/messages",
    // Parameters in the query are the OpenAI API's (Azure's `api-version`).
    query: "",
    clientQuery: "",
    headers: upstreamHeaders(call.headers),
    acceptEncoding: undefined,
    body: Buffer.from(JSON.stringify(body)),
    model,
    stream: form.stream,
    streamForm: form.stream ? "sse" : undefined,
  };
  return {
    call: converted,
    warnings,
    answer: (head) =>
      form.stream
        ? createStreamAnswer({ head, form, now: now() })
        : createJsonAnswer({ head, form, now: now() }),
    error: renderProviderError,
    again(head, refusal) {
      if (!isFirstRoleRefusal(head.status, refusal) || body.messages[0]?.role === "user") return undefined;
      const messages = withOpeningUser(body.messages);
      return { ...converted, body: Buffer.from(JSON.stringify({ ...body, messages })) };
    },
  };
}

function parseBody(body: Buffer): JsonObject {
  if (body.length === 0) throw new InvalidChatRequest(undefined, "The request has no body; send it as JSON.");
  const parsed = parseJson(withoutMark(body).toString("utf8"));
  if (parsed && isJsonObject(parsed.value)) return parsed.value;
  throw new InvalidChatRequest(
    undefined,
    parsed
      ? "The request body must be a JSON object."
      : "The request body is not valid JSON, or nests too deeply.",
  );
}

/** A byte order mark is no JSON, though some clients write one. */
function withoutMark(body: Buffer): Buffer {
  return body.subarray(0, 3).equals(byteOrderMark) ? body.subarray(3) : body;
}

const byteOrderMark = Buffer.from("\uFEFF");
