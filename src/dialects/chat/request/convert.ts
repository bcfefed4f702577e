// A whole chat request as the body of a Claude Messages request. The parts depend on each other in one order: what the
// conversation and the tool choice need decides whether the model may think, and that decides the limits and the sampling.

import { optionalBoolean, optionalObject, requiredString } from "../fields.ts";
import { InvalidChatRequest } from "../invalid.ts";
import type { JsonObject } from "../json.ts";
import { type ModelFamily, modelFamily } from "../model-families.ts";
import { type Block, limitBreakpoints, maxCacheBreakpoints, textBlock } from "./blocks.ts";
import type { ClaudeMessage } from "./conversation.ts";
import { warnOfDropped } from "./dropped.ts";
import { convertLimits, type Limits } from "./limits.ts";
import {
  type ConvertedMessages,
  convertMessages,
  endsWithPrefill,
  isUnsignedToolLoop,
  replacePrefill,
  trimPrefill,
} from "./messages.ts";
import { convertedParameters, convertOneToOne, refuseUnmappable } from "./parameters.ts";
import { convertReasoning, type Reasoning } from "./reasoning.ts";
import { convertSampling, convertStop } from "./sampling.ts";
import { convertResponseFormat, type ResponseFormat } from "./schema.ts";
import { type ClaudeTool, convertToolChoice, convertTools, isForced, readToolWish } from "./tools.ts";

/** How the client wants to be answered. */
export interface AnswerForm {
  stream: boolean;
  /** `stream_options.include_usage`. */
  includeUsage: boolean;
  /** `function_call` in place of `tool_calls`. */
  legacyFunctions: boolean;
  /** JSON was asked for by the prompt: a fence around it is taken off. */
  unfenceJson: boolean;
}

/** Anthropic closes connections that are silent for ten minutes, which it takes to write so many tokens: more are streamed. */
const maxUnstreamedTokens = 21_333;

export interface ConvertedRequest {
  model: string;
  /** The relay chose `max_tokens`, since the client left it out. */
  isLimitOurs: boolean;
  /** The body of POST /v1/messages. */
  body: JsonObject & { messages: ClaudeMessage[] };
  /** What was weakened or left out, as `NAME dropped` and the like. */
  warnings: string[];
  form: AnswerForm;
}

export function convertRequest(chat: JsonObject): ConvertedRequest {
  const warnings = new Set<string>();
  const model = readModel(chat);
  const family = modelFamily(model);
  refuseUnmappable(chat);
  const context = { family, warnings };

  const conversation = convertMessages(chat, warnings);
  const tools = convertTools(chat, family, warnings);
  const wish = readToolWish(chat, tools);
  const prefill = settlePrefill(conversation, context);
  const reasoning = convertReasoning(chat, {
    ...context,
    forcedTool: isForced(wish) && family.forcedTools,
    prefill,
    unsignedToolLoop: isUnsignedToolLoop(conversation.messages),
  });
  const canForce = family.forcedTools && !reasoning.thinks;
  const choice = convertToolChoice(chat, wish, { canForce, legacy: tools.legacy, warnings });
  // Structured output and a prefill exclude each other.
  const canEnforce = family.jsonSchema && !prefill;
  const format = convertResponseFormat(chat, { canEnforce, warnings });
  const limits = convertLimits(chat, reasoning, context);
  const oneToOne = convertOneToOne(chat, warnings);

  const form = readForm(chat, { legacyFunctions: tools.legacy, unfenceJson: format.line !== undefined });
  const system = withLines(conversation, [choice.line, format.line]);
  settleBreakpoints(
    { tools: wish.tools, system, messages: conversation.messages },
    oneToOne.cache_control,
    warnings,
  );
  warnOfDropped(chat, convertedParameters, warnings);

  const body = withoutUndefined({
    model,
    max_tokens: limits.maxTokens,
    stream: form.stream || limits.maxTokens > maxUnstreamedTokens ? true : undefined,
    system: system.length > 0 ? system : undefined,
    tools: wish.tools.length > 0 ? wish.tools : undefined,
    tool_choice: choice.tool_choice,
    thinking: thinkingOf(reasoning, limits),
    output_config: outputConfig(chat, reasoning, format),
    ...convertSampling(chat, { ...context, thinks: reasoning.thinks }),
    stop_sequences: convertStop(chat, warnings),
    ...oneToOne,
  });
  if (!limits.isStated) warnings.add(limitWarning(limits.maxTokens));
  return {
    model,
    isLimitOurs: !limits.isStated,
    body: { ...body, messages: conversation.messages },
    warnings: [...warnings],
    form,
  };
}

/** What the relay says of a limit that it chose. */
export function limitWarning(maxTokens: number): string {
  return `max_tokens set to ${maxTokens}`;
}

function readModel(chat: JsonObject): string {
  const model = requiredString(chat, "model").trim();
  if (model === "") throw new InvalidChatRequest("model", "must not be empty.");
  return model;
}

function readForm(chat: JsonObject, rest: Pick<AnswerForm, "legacyFunctions" | "unfenceJson">): AnswerForm {
  const options = optionalObject(chat, "stream_options") ?? {};
  return {
    stream: optionalBoolean(chat, "stream") ?? false,
    includeUsage: optionalBoolean(options, "include_usage", "stream_options") ?? false,
    ...rest,
  };
}

/** Whether the request goes out with a prefill. */
function settlePrefill(
  { messages }: ConvertedMessages,
  { family, warnings }: { family: ModelFamily; warnings: Set<string> },
): boolean {
  if (!endsWithPrefill(messages)) return false;
  if (family.prefill) {
    trimPrefill(messages);
    return true;
  }
  replacePrefill(messages);
  warnings.add("prefill downgraded");
  return false;
}

/** The caller's own system prompt comes first, so that what it caches stays the same. */
function withLines({ system }: ConvertedMessages, lines: readonly (string | undefined)[]): Block[] {
  return [...system, ...lines.filter((line) => line !== undefined).map(textBlock)];
}

function settleBreakpoints(
  { tools, system, messages }: { tools: ClaudeTool[]; system: Block[]; messages: ClaudeMessage[] },
  topLevel: JsonObject | undefined,
  warnings: Set<string>,
): void {
  const limit = topLevel ? maxCacheBreakpoints - 1 : maxCacheBreakpoints;
  const blocks: JsonObject[] = [...tools, ...system, ...messages.flatMap(({ content }) => content)];
  if (limitBreakpoints(blocks, limit)) warnings.add("prompt_cache_breakpoint dropped");
}

function thinkingOf({ thinking }: Reasoning, { budget }: Limits): JsonObject | undefined {
  return thinking && budget !== undefined ? { ...thinking, budget_tokens: budget } : thinking;
}

/** What the client says in Claude's own terms wins. */
function outputConfig(
  chat: JsonObject,
  { effort }: Reasoning,
  { format }: ResponseFormat,
): JsonObject | undefined {
  const own = optionalObject(chat, "output_config");
  const config = { ...withoutUndefined({ effort, format }), ...own };
  return Object.keys(config).length > 0 ? config : undefined;
}

function withoutUndefined(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
