// max_completion_tokens and max_tokens as Claude's max_tokens, which it requires and which thinking counts into.

import { optionalNumber } from "../fields.ts";
import { InvalidChatRequest, shown } from "../invalid.ts";
import type { JsonObject } from "../json.ts";
import type { ModelFamily } from "../model-families.ts";
import type { Reasoning } from "./reasoning.ts";

export interface Limits {
  maxTokens: number;
  /** The client said how much; otherwise it is the relay that chose. */
  isStated: boolean;
  /** The thinking budget: it may have had to shrink. */
  budget?: number;
}

export function convertLimits(
  chat: JsonObject,
  reasoning: Reasoning,
  { family, warnings }: { family: ModelFamily; warnings: Set<string> },
): Limits {
  const asked = readLimit(chat, family, warnings);
  if (asked === undefined) return unstated(family, reasoning);
  const { budget } = reasoning;
  if (budget === undefined) return { maxTokens: asked, isStated: true };
  if (budget < asked) return { maxTokens: asked, isStated: true, budget };
  const raised = Math.min(budget + asked, family.maxOutput);
  return { maxTokens: raised, isStated: true, budget: Math.min(budget, Math.max(1024, raised - asked)) };
}

/** Some of the whole is left for the answer where a model gives little. */
function unstated({ defaultMaxTokens: maxTokens }: ModelFamily, { budget }: Reasoning): Limits {
  if (budget === undefined) return { maxTokens, isStated: false };
  return { maxTokens, isStated: false, budget: Math.min(budget, Math.max(1024, maxTokens - 8192)) };
}

function readLimit(chat: JsonObject, family: ModelFamily, warnings: Set<string>): number | undefined {
  const newer = readPositive(chat, "max_completion_tokens");
  const older = readPositive(chat, "max_tokens");
  const asked = newer ?? older;
  if (asked === undefined || asked <= family.maxOutput) return asked;
  warnings.add(`${newer === undefined ? "max_tokens" : "max_completion_tokens"} clamped`);
  return family.maxOutput;
}

function readPositive(chat: JsonObject, key: string): number | undefined {
  const value = optionalNumber(chat, key);
  if (value === undefined || (Number.isInteger(value) && value > 0)) return value;
  throw new InvalidChatRequest(key, `must be a whole number above 0, not ${shown(value)}.`);
}
