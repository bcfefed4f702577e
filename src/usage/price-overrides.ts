// List prices that @pydantic/genai-prices 0.1.8 lacks or has wrong, in that package's own form, and the rules its table
// cannot carry. As of 2026-11-22; an entry goes away when the package has it.

import type { ModelInfo, ModelPrice } from "@pydantic/genai-prices";
import type { Family } from "../domain/family.ts";

export const overrides: readonly ModelInfo[] = [
  // Anthropic model overview, 2026-11-09; Mythos has no public list price and is set equal to its Fable.
  model("claude-fable-5-2", claude({ input: 8, output: 40, write5m: 10, write1h: 16, read: 0.2 })),
  model("claude-mythos-5-2", claude({ input: 8, output: 40, write5m: 10, write1h: 16, read: 0.2 })),
  model("claude-mythos-5-1", claude({ input: 10, output: 50, write5m: 12.5, write1h: 20, read: 0.25 })),
  model("claude-mythos-5", claude({ input: 10, output: 50, write5m: 12.5, write1h: 20, read: 1 })),
  // Cache reads were halved on 2026-10-07; the package takes the model for Sonnet 5.
  {
    ...model("claude-sonnet-5-5", {}),
    prices: [
      { prices: claude({ input: 2, output: 10, write5m: 2.5, write1h: 4, read: 0.2 }) },
      {
        constraint: { type: "start_date", start_date: "2026-10-07" },
        prices: claude({ input: 2, output: 10, write5m: 2.5, write1h: 4, read: 0.1 }),
      },
    ],
  },
  // Anthropic model overview: a prompt above 100,000 tokens costs five times as much, the whole request.
  model("claude-haiku-5-5", {
    ...claude({ input: 0.1, output: 0.5, write5m: 0.125, write1h: 0.2, read: 0.01 }),
    input_mtok: above(100_000, 0.1, 0.5),
    output_mtok: above(100_000, 0.5, 2.5),
    cache_write_mtok: above(100_000, 0.125, 0.625),
    cache_write_1h_mtok: above(100_000, 0.2, 1),
    cache_read_mtok: above(100_000, 0.01, 0.05),
  }),
  // OpenAI price list; GPT-6.2 Sol from third-party lists only.
  model("gpt-6.2-sol", gpt({ input: 2, output: 10, write: 2.5, read: 0.1 })),
  model("gpt-6.1-sol", gpt({ input: 2, output: 10, write: 2.5, read: 0.1 })),
  model("gpt-6.1-terra", gpt({ input: 1, output: 5, write: 1.25, read: 0.05 })),
  // Google's latest-model page: the introductory price of Argon and Carbon ends with November 2026.
  ...["gemini-4-argon", "gemini-4-carbon"].map((id) => ({
    ...model(id, {}),
    prices: [
      { prices: { input_mtok: 2, output_mtok: 10, cache_read_mtok: 0.1 } },
      {
        constraint: { type: "start_date" as const, start_date: "2026-12-01" },
        prices: { input_mtok: 4, output_mtok: 20, cache_read_mtok: 0.2 },
      },
    ],
  })),
  model("gemini-4-hydrogen", { input_mtok: 1.5, output_mtok: 7.5, cache_read_mtok: 0.075 }),
];

/**
 * USD per 1,000 web searches where the model's entry names no price. Google bills grounding only beyond a free quota
 * per day, which no answer reports: its searches are left out rather than guessed.
 */
export const searchPrices: Readonly<Record<Family, number>> = { claude: 10, openai: 10, gemini: 0 };

/** By what the token prices are multiplied; undefined: the price of this tier is not known. */
export function tierFactor(family: Family, tier: string | undefined, modelId: string): number | undefined {
  switch (`${family} ${tier?.toLowerCase()}`) {
    case "claude batch":
    case "openai batch":
    case "openai flex":
      return 0.5;
    case "openai priority":
    case "openai fast":
      return 2;
    case "claude fast":
      // Anthropic's price list has fast mode for these two only.
      return modelId === "claude-opus-5-5" || modelId === "claude-opus-5" ? 2 : undefined;
    default:
      return 1;
  }
}

function model(id: string, prices: ModelPrice): ModelInfo {
  return { id, match: { equals: id }, prices };
}

function claude(usd: {
  input: number;
  output: number;
  write5m: number;
  write1h: number;
  read: number;
}): ModelPrice {
  return {
    input_mtok: usd.input,
    output_mtok: usd.output,
    cache_write_mtok: usd.write5m,
    cache_write_1h_mtok: usd.write1h,
    cache_read_mtok: usd.read,
    web_searches_kcount: 10,
  };
}

/** OpenAI's models with a context of 1.05M: above 272,000 input tokens input and cache cost twice, output one and a half times as much. */
function gpt(usd: { input: number; output: number; write: number; read: number }): ModelPrice {
  return {
    input_mtok: above(272_000, usd.input, usd.input * 2),
    output_mtok: above(272_000, usd.output, usd.output * 1.5),
    cache_write_mtok: above(272_000, usd.write, usd.write * 2),
    cache_read_mtok: above(272_000, usd.read, usd.read * 2),
    web_searches_kcount: 10,
  };
}

function above(
  start: number,
  base: number,
  price: number,
): { base: number; tiers: { start: number; price: number }[] } {
  return { base, tiers: [{ start, price }] };
}
