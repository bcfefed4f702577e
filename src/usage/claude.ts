// Reads usage out of answers of the Claude Messages API.

import {
  firstElements,
  type Members,
  readSpan,
  readString,
  type Span,
  scanMembers,
} from "../json/json-scan.ts";
import { fieldOf, stringField } from "../json/json-values.ts";
import { type AnswerState, hasShape, markNames, observeAnswer } from "./answer.ts";
import { sealOf } from "./claude-seal.ts";
import { figureOf } from "./fields.ts";
import {
  type AnswerObserver,
  type AnswerShape,
  addTokens,
  anyObject,
  type TokenCounts,
  type UsageReport,
} from "./observer.ts";

/** `isThread`: a later request may continue the answer by its id, which is read for that alone. `readsSeals`: see Call. */
export function observeClaude({
  shape = anyObject,
  isThread = false,
  readsSeals = false,
}: {
  shape?: AnswerShape;
  isThread?: boolean;
  readsSeals?: boolean;
} = {}): AnswerObserver {
  const usage = createClaudeUsage();
  return observeAnswer({
    shape,
    wants: (name) => events.has(name) || (readsSeals && sealEvents.has(name)),
    readEvent,
    readDocument,
    report: usage.report,
  });

  function readEvent(name: string, data: Buffer, answer: AnswerState): void {
    // The data names its type too, which is all there is behind a proxy that drops the event lines.
    const type = isUnnamed(name) ? typeOf(data) : name;
    if (type === "ping" || (isUnnamed(name) && (data.length === 0 || data.equals(doneMark)))) return;
    if (type === "error") return answer.error(data, true);
    if (answer.opening.kind === "pending") begin(type, data, answer);
    if (type === "message_start") {
      const message = scanMembers(data, ["message"])?.get("message");
      if (message) readMessage(data.subarray(message.start, message.end), answer);
    } else if (type === "message_delta") {
      usage.read(readSpan(data, scanMembers(data, ["usage"])?.get("usage")));
    } else if (readsSeals && type !== undefined && sealEvents.has(type)) {
      const members = scanMembers(data, ["delta", "content_block"]);
      readSeal(data, members?.get("delta") ?? members?.get("content_block"), answer);
    } else if (type === "message_stop" && scanMembers(data, [])) {
      // An event that was truncated by the stream's end does not count for the client.
      answer.finish();
    }
  }

  function readDocument(document: Buffer, answer: AnswerState): void {
    const members = scanMembers(document, [...messageNames, "type", "error", ...markNames(shape)]);
    if (!members) return answer.foreign("broken JSON");
    if (readString(document, members.get("type")) === "error" || isObject(document, members.get("error")))
      return answer.error(document, false);
    if (!hasShape(document, members, shape)) return answer.foreign("another API's JSON");
    answer.content();
    readMembers(document, members, answer);
  }

  function readMessage(message: Buffer, answer: AnswerState): void {
    const members = scanMembers(message, messageNames);
    if (members) readMembers(message, members, answer);
  }

  function readMembers(message: Buffer, members: Members, answer: AnswerState): void {
    const id = isThread ? readString(message, members.get("id")) : undefined;
    if (id) answer.id(id);
    usage.readModel(readString(message, members.get("model")));
    usage.read(readSpan(message, members.get("usage")));
    const content = readsSeals ? members.get("content") : undefined;
    if (content) for (const block of firstElements(message, content)) readSeal(message, block, answer);
  }
}

function readSeal(json: Buffer, block: Span | undefined, answer: AnswerState): void {
  const seal = block && sealOf(json, block);
  if (seal) answer.seal(seal);
}

const messageNames: readonly string[] = ["id", "model", "usage", "content"];

function begin(type: string | undefined, data: Buffer, answer: AnswerState): void {
  if (type !== undefined && type !== "message" && contentEvents.has(type)) return answer.content();
  if (type !== undefined) return answer.unknown(`the event ${JSON.stringify(type.slice(0, 40))}`);
  // Proxies put an error without a type into the stream as it came to them.
  if (isObject(data, scanMembers(data, ["error"])?.get("error"))) return answer.error(data, true);
  answer.foreign("another API's events");
}

/** Then the type is in the data alone. */
function isUnnamed(name: string): boolean {
  return name === "" || name === "message";
}

/** Some proxies end every stream as OpenAI does. */
const doneMark = Buffer.from("[DONE]");

function isObject(json: Buffer, span: Span | undefined): boolean {
  return span !== undefined && json[span.start] === openBrace;
}

const openBrace = 0x7b;

/** Events that carry the answer. */
export const contentEvents: ReadonlySet<string> = new Set([
  "message_start",
  "content_block_start",
  "content_block_delta",
  "content_block_stop",
  "message_delta",
  "message_stop",
]);

/** The events that carry usage or decide about the answer; "" and `message` are those without a name of their own. */
const events: ReadonlySet<string> = new Set([
  "message_start",
  "message_delta",
  "message_stop",
  "error",
  "message",
  "",
]);

/** In which thinking is sealed. */
const sealEvents: ReadonlySet<string> = new Set(["content_block_start", "content_block_delta"]);

function typeOf(json: Buffer): string | undefined {
  return readString(json, scanMembers(json, ["type"])?.get("type"));
}

/** Token figures as one usage object names them; undefined where none was reported. */
interface Figures {
  input: number | undefined;
  output: number | undefined;
  cacheRead: number | undefined;
  /** All cache writes, and the part with the one-hour lifetime. */
  cacheWrite: number | undefined;
  cacheWrite1h: number | undefined;
  reasoning: number | undefined;
}

const noFigures: Figures = {
  input: undefined,
  output: undefined,
  cacheRead: undefined,
  cacheWrite: undefined,
  cacheWrite1h: undefined,
  reasoning: undefined,
};

/** Collects what an answer reports: in a stream, the usage of message_start and of every message_delta. */
function createClaudeUsage() {
  let figures = noFigures;
  let model: string | undefined;
  let webSearches = 0;
  let serviceTier: string | undefined;
  let speed: string | undefined;
  /** Compactions and advisor turns: model calls of their own that the answer's figures leave out. */
  let besides: readonly Figures[] = [];

  return { readModel, read, report };

  function readModel(name: string | undefined): void {
    model = name ?? model;
  }

  function read(usage: unknown): void {
    figures = update(figures, usage);
    webSearches = figureOf(fieldOf(usage, "server_tool_use"), "web_search_requests") ?? webSearches;
    serviceTier = stringField(usage, "service_tier") ?? serviceTier;
    speed = stringField(usage, "speed") ?? speed;
    const iterations = fieldOf(usage, "iterations");
    if (Array.isArray(iterations)) {
      besides = iterations
        .filter((iteration) => besideTypes.has(stringField(iteration, "type")))
        .map((iteration) => update(noFigures, iteration));
    }
  }

  function report(): UsageReport {
    return {
      tokens: besides.map(countTokens).reduce(addTokens, countTokens(figures)),
      reported: [figures, ...besides].some(hasFigure),
      model,
      tier: [speed, serviceTier].find((tier) => tier !== undefined && tier !== "standard"),
      webSearches,
    };
  }
}

const besideTypes: ReadonlySet<string | undefined> = new Set(["compaction", "advisor"]);

/** The figures are running totals: a later one replaces an earlier one, and one that is null or missing changes nothing. */
function update(before: Figures, usage: unknown): Figures {
  const split = fieldOf(usage, "cache_creation");
  const fiveMinutes = figureOf(split, "ephemeral_5m_input_tokens");
  const oneHour = figureOf(split, "ephemeral_1h_input_tokens");
  const inSplit =
    fiveMinutes === undefined && oneHour === undefined ? undefined : (fiveMinutes ?? 0) + (oneHour ?? 0);
  return {
    input: figureOf(usage, "input_tokens") ?? before.input,
    output: figureOf(usage, "output_tokens") ?? before.output,
    cacheRead: figureOf(usage, "cache_read_input_tokens") ?? before.cacheRead,
    cacheWrite: figureOf(usage, "cache_creation_input_tokens") ?? inSplit ?? before.cacheWrite,
    cacheWrite1h: oneHour ?? before.cacheWrite1h,
    reasoning: figureOf(fieldOf(usage, "output_tokens_details"), "thinking_tokens") ?? before.reasoning,
  };
}

function hasFigure(figures: Figures): boolean {
  for (const name in figures) if (figures[name as keyof Figures] !== undefined) return true;
  return false;
}

/** Only message_start splits cache writes by lifetime; what a message_delta adds to their sum is recorded as the cheaper. */
function countTokens(figures: Figures): TokenCounts {
  const { cacheWrite = 0, cacheWrite1h = 0 } = figures;
  const oneHour = Math.min(cacheWrite, cacheWrite1h);
  return {
    input: figures.input ?? 0,
    output: figures.output ?? 0,
    cacheWrite5m: cacheWrite - oneHour,
    cacheWrite1h: oneHour,
    cacheRead: figures.cacheRead ?? 0,
    reasoning: figures.reasoning ?? 0,
  };
}
