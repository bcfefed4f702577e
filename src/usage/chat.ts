// Reads usage out of answers of OpenAI's Chat Completions API.

import { type Members, readSpan, readString, scanMembers } from "../json/json-scan.ts";
import { fieldOf, isObject, stringField } from "../json/json-values.ts";
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

/** A stream says what it cost only where the client asked for it: without that its usage is unknown, not zero. */
export function observeChat(shape: AnswerShape = anyObject): AnswerObserver {
  const documentNames = [...memberNames, ...markNames(shape)];
  let tokens: TokenCounts | undefined;
  let model: string | undefined;
  let tier: string | undefined;
  return observeAnswer({
    shape,
    readEvent,
    readDocument,
    report: (): UsageReport => ({
      tokens: tokens ?? noTokens,
      reported: tokens !== undefined,
      model,
      tier,
      webSearches: 0,
    }),
  });

  /** Events have no names, but some hosts call theirs `message`, `error` or `ping`. */
  function readEvent(name: string, data: Buffer, answer: AnswerState): void {
    if (data.length === 0 || name === "ping") return;
    if (data.equals(doneMark)) return answer.finish();
    const members = scanMembers(data, memberNames);
    if (!members) return name === "error" ? answer.error(data, true) : undefined;
    if (isPresent(data, members, "error") || name === "error") return answer.error(data, true);
    if (!members.has("choices")) return answer.foreign("another API's events");
    if (answer.opening.kind === "pending" && saysSomething(data, members)) answer.content();
    readMembers(data, members);
  }

  function readDocument(document: Buffer, answer: AnswerState): void {
    const members = scanMembers(document, documentNames);
    if (!members) return answer.foreign("broken JSON");
    const isAnswer = hasShape(document, members, shape);
    if (isPresent(document, members, "error"))
      return answer.error(document, isAnswer && shape.marks.length > 0);
    if (!isAnswer) return answer.foreign("another API's JSON");
    answer.content();
    readMembers(document, members);
  }

  function readMembers(json: Buffer, members: Members): void {
    model = readString(json, members.get("model")) || model;
    const serviceTier = readString(json, members.get("service_tier"));
    if (serviceTier) tier = standardTiers.has(serviceTier) ? undefined : serviceTier;
    if (!isPresent(json, members, "usage")) return;
    const usage = readSpan(json, members.get("usage"));
    if (hasFigures(usage)) tokens = countTokens(usage);
  }
}

const memberNames = ["error", "choices", "model", "service_tier", "usage"];
const doneMark = Buffer.from("[DONE]");
const standardTiers: ReadonlySet<string> = new Set(["default", "auto", "standard"]);

/** Anything but `null`. */
function isPresent(json: Buffer, members: Members, name: string): boolean {
  const span = members.get(name);
  return span !== undefined && json[span.start] !== letterN;
}

const letterN = 0x6e;

/** The first chunk holds the role alone, or what a filter says of the prompt: until there is more another account may answer. */
function saysSomething(chunk: Buffer, members: Members): boolean {
  const choices = readSpan(chunk, members.get("choices"));
  return Array.isArray(choices) && choices.some(isBegun);
}

function isBegun(choice: unknown): boolean {
  if (stringField(choice, "finish_reason") !== undefined) return true;
  const delta = fieldOf(choice, "delta");
  if (!isObject(delta)) return false;
  return Object.entries(delta).some(
    ([name, value]) => name !== "role" && value !== null && value !== "" && !isEmptyList(value),
  );
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function hasFigures(usage: unknown): boolean {
  return figureOf(usage, "prompt_tokens") !== undefined || figureOf(usage, "completion_tokens") !== undefined;
}

function countTokens(usage: unknown): TokenCounts {
  const details = fieldOf(usage, "prompt_tokens_details");
  return countsOf({
    input: figureOf(usage, "prompt_tokens"),
    output: figureOf(usage, "completion_tokens"),
    // DeepSeek and Moonshot have the cached ones beside the sum.
    cacheRead:
      figureOf(details, "cached_tokens") ??
      figureOf(usage, "prompt_cache_hit_tokens") ??
      figureOf(usage, "cached_tokens"),
    cacheWrite: figureOf(details, "cache_write_tokens"),
    reasoning: figureOf(fieldOf(usage, "completion_tokens_details"), "reasoning_tokens"),
  });
}
