// temperature, top_p, top_k and stop sequences. Claude's temperature goes to 1 where OpenAI's goes to 2, and newer models take none.

import { at, optionalNumber, wrongType } from "../fields.ts";
import { InvalidChatRequest } from "../invalid.ts";
import type { JsonObject } from "../json.ts";
import type { ModelFamily } from "../model-families.ts";
import { isBlank } from "./blocks.ts";

export interface Sampling {
  temperature?: number;
  top_p?: number;
}

export interface SamplingOptions {
  family: ModelFamily;
  thinks: boolean;
  warnings: Set<string>;
}

/** A value of 1 is the default of both parameters in both APIs: leaving it out changes nothing, so it is not reported. */
export function convertSampling(chat: JsonObject, { family, thinks, warnings }: SamplingOptions): Sampling {
  const temperature = within(chat, "temperature", 2);
  const topP = within(chat, "top_p", 1);
  const sampling: Sampling = {};
  if (temperature !== undefined) {
    // With thinking on, Claude answers "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode".
    if (family.sampling === "none" || thinks) drop("temperature", temperature, warnings);
    else {
      sampling.temperature = Math.min(temperature, 1);
      if (temperature > 1) warnings.add("temperature clamped");
    }
  }
  if (topP !== undefined) {
    const excluded = family.sampling === "one" && sampling.temperature !== undefined;
    // Claude's documentation on thinking allows 0.95 to 1.
    if (family.sampling === "none" || excluded || (thinks && topP < 0.95)) drop("top_p", topP, warnings);
    else sampling.top_p = topP;
  }
  return sampling;
}

/** Undefined when nothing is left: Claude refuses stop sequences that are only white space. */
export function convertStop(chat: JsonObject, warnings: Set<string>): string[] | undefined {
  const value = chat.stop ?? undefined;
  if (value === undefined) return undefined;
  const list: unknown[] | undefined =
    typeof value === "string" ? [value] : Array.isArray(value) ? value : undefined;
  if (!list) throw wrongType("stop", "a string or an array of strings", value);
  const sequences: string[] = [];
  for (const [index, entry] of list.entries()) {
    if (typeof entry !== "string") throw wrongType(at("stop", index), "a string", entry);
    if (!isBlank(entry)) sequences.push(entry);
    else if (entry !== "") warnings.add("stop dropped");
  }
  return sequences.length > 0 ? sequences : undefined;
}

function within(chat: JsonObject, key: string, highest: number): number | undefined {
  const value = optionalNumber(chat, key);
  if (value === undefined || (value >= 0 && value <= highest)) return value;
  throw new InvalidChatRequest(key, `must be between 0 and ${highest}.`);
}

function drop(name: string, value: number, warnings: Set<string>): void {
  if (value !== 1) warnings.add(`${name} dropped`);
}
