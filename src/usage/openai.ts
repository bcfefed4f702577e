// Reads usage out of answers of the OpenAI Responses API.

import {
  firstElements,
  type Members,
  readSpan,
  readString,
  type Span,
  scanMembers,
} from "../json/json-scan.ts";
import { fieldOf } from "../json/json-values.ts";
import { type AnswerState, hasShape, markNames, observeAnswer } from "./answer.ts";
import { countsOf, figureOf } from "./fields.ts";
import {
  type AnswerObserver,
  type AnswerShape,
  anyObject,
  noTokens,
  type TokenCounts,
  type UsageReport,
} from "./observer.ts";

export function observeOpenai(shape: AnswerShape = anyObject): AnswerObserver {
  return observe(shape, false);
}

/** Over a WebSocket: each push is one frame, and holds what the `data` of an event would. */
export function observeOpenaiFrames(): AnswerObserver {
  return observe(anyObject, true);
}

function observe(shape: AnswerShape, isFramed: boolean): AnswerObserver {
  const documentNames = ["error", "status", ...responseNames, ...markNames(shape)];
  let tokens: TokenCounts | undefined;
  let model: string | undefined;
  let tier: string | undefined;
  let webSearches = 0;
  return observeAnswer({
    shape,
    isFramed,
    wants: (name) => isKnown(name) || isUnnamed(name),
    readEvent,
    readDocument,
    readOversized: (name, answer) => endings.has(name) && answer.finish(),
    report: (): UsageReport => ({
      tokens: tokens ?? noTokens,
      reported: tokens !== undefined,
      model,
      tier,
      webSearches,
    }),
  });

  function readEvent(name: string, data: Buffer, answer: AnswerState): void {
    if (isUnnamed(name)) {
      if (data.length === 0 || data.equals(doneMark)) return;
      const members = scanMembers(data, ["type", "error"]);
      const type = readString(data, members?.get("type"));
      if (type === undefined && isObject(data, members?.get("error"))) return answer.error(data, true);
      if (type === undefined) return answer.foreign("another API's events");
      name = type;
    }
    if (keepAlives.has(name)) return;
    if (name === "error") {
      answer.error(data, true);
      // A socket goes on after it, with the next request.
      if (isFramed) answer.finish();
      return;
    }
    if (name === "response.failed") answer.error(data, true);
    else if (!beginnings.has(name)) begin(name, answer);
    if (!isKnown(name)) return;
    const members = scanMembers(data, ["response"]);
    const response = members?.get("response");
    if (response) readResponse(data.subarray(response.start, response.end), answer);
    // An event that was truncated by the stream's end does not count for the client.
    if (members && endings.has(name)) answer.finish();
  }

  function readDocument(document: Buffer, answer: AnswerState): void {
    const members = scanMembers(document, documentNames);
    if (!members) return answer.foreign("broken JSON");
    const isAnswer = hasShape(document, members, shape);
    const error = readSpan(document, members.get("error")) ?? undefined;
    const hasFailed = error !== undefined || readString(document, members.get("status")) === "failed";
    if (hasFailed && !(isAnswer && shape.mayHaveFailed))
      answer.error(document, isAnswer && shape.marks.length > 0);
    else if (!isAnswer) return answer.foreign("another API's JSON");
    else answer.content();
    readMembers(document, members, answer);
  }

  function readResponse(response: Buffer, answer: AnswerState): void {
    const members = scanMembers(response, responseNames);
    if (members) readMembers(response, members, answer);
  }

  function readMembers(response: Buffer, members: Members, answer: AnswerState): void {
    const id = readString(response, members.get("id"));
    // What is not stored cannot be asked for again.
    if (id && readSpan(response, members.get("store")) !== false) answer.id(id);
    model = readString(response, members.get("model")) || model;
    const serviceTier = readString(response, members.get("service_tier"));
    if (serviceTier) tier = standardTiers.has(serviceTier) ? undefined : serviceTier;
    // Only the last form of the response has usage; before that it is null.
    const usage = readSpan(response, members.get("usage"));
    if (!hasFigures(usage)) return;
    tokens = countTokens(usage);
    webSearches = countSearches(response, members.get("output"));
    answer.encrypted ??= findEncrypted(response, members.get("output"));
  }
}

const responseNames = ["id", "model", "service_tier", "usage", "output", "store"];

/** All events of the API have names of this form. */
function begin(name: string, answer: AnswerState): void {
  if (name.startsWith("response.")) answer.content();
  else answer.unknown(`the event ${JSON.stringify(name.slice(0, 40))}`);
}

/** Some proxies end every stream as Chat Completions does. */
const doneMark = Buffer.from("[DONE]");

function isObject(json: Buffer, span: Span | undefined): boolean {
  return span !== undefined && json[span.start] === openBrace;
}

const openBrace = 0x7b;

/** Life signs before the first content: held back, another account may still answer. */
const beginnings: ReadonlySet<string> = new Set([
  "response.created",
  "response.queued",
  "response.in_progress",
]);

const endings: ReadonlySet<string> = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
]);

/** Events that say nothing about the answer; the last four are seen over a WebSocket (Codex 0.169). */
const keepAlives: ReadonlySet<string> = new Set([
  ...["ping", "keepalive"],
  ...["codex.rate_limits", "response.metadata", "codex.response.metadata", "responsesapi.websocket_timing"],
]);

const standardTiers: ReadonlySet<string> = new Set(["default", "auto", "standard"]);

function isKnown(name: string): boolean {
  return endings.has(name) || beginnings.has(name) || name === "error";
}

/** Then the type is in the data only. */
function isUnnamed(name: string): boolean {
  return name === "" || name === "message";
}

function hasFigures(usage: unknown): boolean {
  return figureOf(usage, "input_tokens") !== undefined || figureOf(usage, "output_tokens") !== undefined;
}

function countTokens(usage: unknown): TokenCounts {
  const details = fieldOf(usage, "input_tokens_details");
  return countsOf({
    input: figureOf(usage, "input_tokens"),
    output: figureOf(usage, "output_tokens"),
    cacheRead: figureOf(details, "cached_tokens"),
    cacheWrite: figureOf(details, "cache_write_tokens"),
    reasoning: figureOf(fieldOf(usage, "output_tokens_details"), "reasoning_tokens"),
  });
}

/** Web searches that ran; opening a page that was found is not one. */
function countSearches(response: Buffer, output: Span | undefined): number {
  // Most answers have none, and then nobody has to walk through the output.
  if (!output || !response.includes(searchCall)) return 0;
  let searches = 0;
  for (const element of firstElements(response, output)) {
    const item = response.subarray(element.start, element.end);
    const members = scanMembers(item, ["type", "action"]);
    if (readString(item, members?.get("type")) !== searchCall) continue;
    const action = fieldOf(readSpan(item, members?.get("action")), "type") ?? "search";
    if (action === "search") searches++;
  }
  return searches;
}

const searchCall = "web_search_call";

/** Reasoning and compactions that the client is to send back. */
function findEncrypted(response: Buffer, output: Span | undefined): string | undefined {
  if (!output || !response.includes(encryptedContent)) return undefined;
  for (const { start, end } of firstElements(response, output)) {
    const item = response.subarray(start, end);
    const content = readString(item, scanMembers(item, [encryptedContent])?.get(encryptedContent));
    if (content) return content;
  }
  return undefined;
}

const encryptedContent = "encrypted_content";
