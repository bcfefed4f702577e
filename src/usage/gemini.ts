// Reads usage out of answers of the Gemini API, and of Code Assist, which wraps them.

import {
  firstElements,
  type Members,
  readSpan,
  readString,
  type Span,
  scanMembers,
} from "../json/json-scan.ts";
import { stringField } from "../json/json-values.ts";
import { type AnswerState, hasShape, markNames, observeAnswer } from "./answer.ts";
import { figureAt } from "./fields.ts";
import { type AnswerObserver, type AnswerShape, anyObject, type UsageReport } from "./observer.ts";

export interface GeminiAnswer {
  shape?: AnswerShape;
  /** Code Assist's `{"response":{…}}` around everything but errors. */
  wrapped: boolean;
}

export function observeGemini({ shape = anyObject, wrapped }: GeminiAnswer): AnswerObserver {
  const outerNames = [...(wrapped ? ["error", "response"] : memberNames), ...markNames(shape)];
  const usage = createGeminiUsage();
  const candidates = createCandidates();
  return observeAnswer({
    shape,
    readEvent,
    readDocument,
    // It may have had the finish reason; then a good answer must not count as truncated.
    readOversized: (_name, answer) => answer.finish(),
    report: usage.report,
  });

  function readEvent(_name: string, data: Buffer, answer: AnswerState): void {
    if (data.length === 0 || data.equals(doneMark)) return;
    const members = scanMembers(data, outerNames);
    if (members && !isError(data, members) && !hasShape(data, members, shape)) {
      return answer.unknown("an event without any of the answer's members");
    }
    // There is no last event: behind the one with the finish reason the stream just closes.
    if (readObject(data, members, { answer, isEvent: true })) answer.finish();
  }

  function readDocument(document: Buffer, answer: AnswerState): void {
    readObject(document, scanMembers(document, outerNames), { answer, isEvent: false });
  }

  /** Whether the object says that the answer is at its end. */
  function readObject(json: Buffer, outer: Members | undefined, { answer, isEvent }: Place): boolean {
    if (!outer) answer.foreign("broken JSON");
    else if (isError(json, outer)) answer.error(json, isEvent);
    else if (!hasShape(json, outer, shape)) answer.foreign("another API's JSON");
    else {
      answer.content();
      if (!wrapped) return readChunk(json, outer);
      const response = outer.get("response");
      if (!response) return false;
      const chunk = json.subarray(response.start, response.end);
      return readChunk(chunk, scanMembers(chunk, memberNames));
    }
    return false;
  }

  function readChunk(chunk: Buffer, members: Members | undefined): boolean {
    usage.read(chunk, members?.get("usageMetadata"));
    usage.readModel(chunk, members?.get("modelVersion"));
    return (
      candidates.haveEnded(chunk, members?.get("candidates")) ||
      isBlocked(chunk, members?.get("promptFeedback"))
    );
  }
}

interface Place {
  answer: AnswerState;
  /** An event of a stream; else an object that came bare. */
  isEvent: boolean;
}

const memberNames = ["error", "candidates", "promptFeedback", "usageMetadata", "modelVersion"];
const figureNames = [
  "promptTokenCount",
  "cachedContentTokenCount",
  "toolUsePromptTokenCount",
  "candidatesTokenCount",
  "thoughtsTokenCount",
];
const openBrace = 0x7b;
/** Some proxies end every stream as OpenAI does. */
const doneMark = Buffer.from("[DONE]");

function isError(json: Buffer, members: Members): boolean {
  const error = members.get("error");
  return error !== undefined && json[error.start] === openBrace;
}

/** Any chunk may carry figures: running totals of which some may be missing, so the last of each counts. */
function createGeminiUsage() {
  let prompt: number | undefined;
  let cached: number | undefined;
  let toolUse: number | undefined;
  let candidates: number | undefined;
  let thoughts: number | undefined;
  let model: string | undefined;

  return { read, readModel, report };

  function read(chunk: Buffer, span: Span | undefined): void {
    if (!span) return;
    const metadata = chunk.subarray(span.start, span.end);
    const members = scanMembers(metadata, figureNames);
    const figure = (name: string) => figureAt(metadata, members?.get(name));
    prompt = figure("promptTokenCount") ?? prompt;
    cached = figure("cachedContentTokenCount") ?? cached;
    toolUse = figure("toolUsePromptTokenCount") ?? toolUse;
    candidates = figure("candidatesTokenCount") ?? candidates;
    thoughts = figure("thoughtsTokenCount") ?? thoughts;
  }

  function readModel(chunk: Buffer, span: Span | undefined): void {
    model ??= readString(chunk, span) || undefined;
  }

  /** The prompt's count contains what was read from the cache, but not tool results; the output's leaves out thoughts. */
  function report(): UsageReport {
    return {
      tokens: {
        input: Math.max(0, (prompt ?? 0) - (cached ?? 0)) + (toolUse ?? 0),
        output: (candidates ?? 0) + (thoughts ?? 0),
        cacheWrite5m: 0,
        cacheWrite1h: 0,
        cacheRead: cached ?? 0,
        reasoning: thoughts ?? 0,
      },
      reported: [prompt, cached, toolUse, candidates, thoughts].some((figure) => figure !== undefined),
      model,
      tier: undefined,
      webSearches: 0,
    };
  }
}

/** Of several candidates (`candidateCount`) each ends by itself: the answer is whole when none is under way any more. */
function createCandidates() {
  const underWay = new Set<number>();
  const ended = new Set<number>();

  return { haveEnded };

  function haveEnded(chunk: Buffer, candidates: Span | undefined): boolean {
    for (const { start, end } of firstElements(chunk, candidates)) {
      const candidate = chunk.subarray(start, end);
      const members = scanMembers(candidate, ["index", "finishReason"]);
      const index = figureAt(candidate, members?.get("index")) ?? 0;
      if (isReason(readString(candidate, members?.get("finishReason")))) ended.add(index);
      if (ended.has(index)) underWay.delete(index);
      else underWay.add(index);
    }
    return ended.size > 0 && underWay.size === 0;
  }
}

/** A prompt that was refused gets an answer without candidates. */
function isBlocked(chunk: Buffer, feedback: Span | undefined): boolean {
  return isReason(stringField(readSpan(chunk, feedback), "blockReason"));
}

function isReason(reason: string | undefined): boolean {
  return reason !== undefined && reason !== "" && !reason.endsWith("_UNSPECIFIED");
}
