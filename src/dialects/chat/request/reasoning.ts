// Converts reasoning_effort into Claude's thinking and effort.
// The budgets are this relay's choice: the providers publish none.

import { optionalObject, optionalString } from "../fields.ts";
import { InvalidChatRequest, shown } from "../invalid.ts";
import type { JsonObject } from "../json.ts";
import type { Effort, ModelFamily } from "../model-families.ts";

export interface Reasoning {
  /** Undefined: the model's default. */
  thinking?: JsonObject;
  effort?: Effort;
  /** The model will think, asked or by default: that counts into max_tokens and rules out other parameters. */
  thinks: boolean;
  /** The thinking budget, which max_tokens has to leave room for. */
  budget?: number;
}

export interface ReasoningObstacles {
  family: ModelFamily;
  /** A tool is to be called without fail, and the model could be held to it. */
  forcedTool: boolean;
  /** The conversation ends with text for the model to continue, and it could. */
  prefill: boolean;
  /** The last assistant turn called tools and lost the thinking that Claude had signed. */
  unsignedToolLoop: boolean;
  warnings: Set<string>;
}

/**
 * Thinking gives way to a forced tool and to a prefill: Claude refuses both together with it, and a client that forces a
 * tool breaks without the call, while one that asked for effort only gets a shorter thought.
 */
export function convertReasoning(chat: JsonObject, obstacles: ReasoningObstacles): Reasoning {
  const { family } = obstacles;
  const wish = readEffort(chat);
  const explicit = optionalObject(chat, "thinking");
  if (explicit) {
    const effort = wish && wish !== "none" ? closestEffort(wish, family, obstacles.warnings) : undefined;
    if (wish && !effort) obstacles.warnings.add("reasoning_effort dropped");
    return {
      thinking: explicit,
      thinks: explicit.type !== "disabled",
      ...(effort ? { effort } : {}),
      ...explicitBudget(explicit),
    };
  }
  if (family.thinking === "adaptive") return adaptive(wish, obstacles);
  if (wish === undefined || wish === "none") return { thinks: false };
  if (family.thinking === "none") {
    obstacles.warnings.add("reasoning_effort dropped");
    return { thinks: false };
  }
  return byBudget(wish, obstacles);
}

type Wish = "none" | "minimal" | Effort;

const wishes: ReadonlySet<string> = new Set(["none", "minimal", "low", "medium", "high", "xhigh", "max"]);

const budgets: Readonly<Record<Exclude<Wish, "none">, number>> = {
  minimal: 1024,
  low: 4096,
  medium: 10_240,
  high: 24_576,
  xhigh: 32_000,
  max: 32_000,
};

/** Without `display`, Opus 4.7 and everything after it send thinking blocks with empty text. */
const summarized: Readonly<JsonObject> = { type: "adaptive", display: "summarized" };

function readEffort(chat: JsonObject): Wish | undefined {
  const value = optionalString(chat, "reasoning_effort");
  if (value === undefined || isWish(value)) return value;
  throw new InvalidChatRequest(
    "reasoning_effort",
    `must be one of ${[...wishes].join(", ")}, not ${shown(value)}.`,
  );
}

function isWish(value: string): value is Wish {
  return wishes.has(value);
}

/** Room is made in max_tokens for the client's own budget as well; one that Claude refuses is Claude's to refuse. */
function explicitBudget({ type, budget_tokens: budget }: JsonObject): { budget?: number } {
  const isBudget =
    type === "enabled" && typeof budget === "number" && Number.isInteger(budget) && budget >= 1024;
  return isBudget ? { budget } : {};
}

function adaptive(wish: Wish | undefined, obstacles: ReasoningObstacles): Reasoning {
  const { family, warnings } = obstacles;
  if (wish === "none") return withoutThinking(family, warnings);
  const blocked = obstacles.forcedTool || obstacles.prefill;
  if (wish === undefined) {
    if (!blocked || !family.thinksByDefault) return { thinks: family.thinksByDefault };
    warnings.add("thinking disabled");
    return { thinking: { type: "disabled" }, thinks: false };
  }
  const effort = closestEffort(wish, family, warnings);
  if (!blocked) return { thinking: { ...summarized }, thinks: true, ...(effort ? { effort } : {}) };
  warnings.add("reasoning_effort downgraded");
  const thinking = family.thinksByDefault ? { thinking: { type: "disabled" } } : {};
  return { ...thinking, thinks: false, ...(effort ? { effort: atMost(effort, family) } : {}) };
}

function withoutThinking(family: ModelFamily, warnings: Set<string>): Reasoning {
  switch (family.thinkingOff) {
    case "disabled":
      return { thinking: { type: "disabled" }, thinks: false };
    case "between_tools":
      return { thinking: { type: "between_tools" }, thinks: true };
    case "never":
      warnings.add("reasoning_effort downgraded");
      return { thinks: true, effort: "low" };
  }
}

function byBudget(wish: Exclude<Wish, "none">, obstacles: ReasoningObstacles): Reasoning {
  const { family, warnings } = obstacles;
  const closest = family.efforts.length > 0 ? closestEffort(wish, family, warnings) : undefined;
  const effort = closest ? { effort: closest } : {};
  if (obstacles.forcedTool || obstacles.prefill || obstacles.unsignedToolLoop) {
    warnings.add(closest ? "reasoning_effort downgraded" : "reasoning_effort dropped");
    return { thinks: false, ...effort };
  }
  const budget = budgets[wish];
  return { thinking: { type: "enabled", budget_tokens: budget }, thinks: true, budget, ...effort };
}

/** The level itself, or the highest below it that the model has. */
function closestEffort(
  wish: Exclude<Wish, "none">,
  family: ModelFamily,
  warnings: Set<string>,
): Effort | undefined {
  if (family.efforts.length === 0) return undefined;
  const effort = wish === "minimal" ? "low" : wish;
  if (family.efforts.includes(effort)) return effort;
  warnings.add("reasoning_effort downgraded");
  return "high";
}

function atMost(effort: Effort, family: ModelFamily): Effort {
  const levels: readonly Effort[] = ["low", "medium", "high", "xhigh", "max"];
  const limit = levels.indexOf(family.highestEffortWithoutThinking);
  return levels[Math.min(levels.indexOf(effort), limit)] ?? effort;
}
