import assert from "node:assert/strict";
import { test } from "node:test";
import { calcPrice } from "@pydantic/genai-prices";
import fc from "fast-check";
import type { Family } from "../../src/domain/family.ts";
import { noTokens, type TokenCounts } from "../../src/usage/observer.ts";
import { createPriceList, type PricedRequest } from "../../src/usage/price.ts";

const { priceOf } = createPriceList();
const asOf = Date.parse("2026-11-22T12:00:00Z");

type Expected = [id: string, input: number, output: number, write5m: number, write1h: number, read: number];

/** USD per million tokens in the lowest band on 2026-11-22. Cache kinds without a price cost as input. */
const table: Record<Family, Expected[]> = {
  claude: [
    ["claude-fable-5-2", 8, 40, 10, 16, 0.2],
    ["claude-mythos-5-2", 8, 40, 10, 16, 0.2],
    ["claude-fable-5-1", 10, 50, 12.5, 20, 0.25],
    ["claude-mythos-5-1", 10, 50, 12.5, 20, 0.25],
    ["claude-fable-5", 10, 50, 12.5, 20, 1],
    ["claude-mythos-5", 10, 50, 12.5, 20, 1],
    ["claude-opus-5-5", 4, 20, 5, 8, 0.2],
    ["claude-opus-5", 5, 25, 6.25, 10, 0.5],
    ["claude-opus-4-8", 5, 25, 6.25, 10, 0.5],
    ["claude-opus-4-7", 5, 25, 6.25, 10, 0.5],
    ["claude-opus-4-6", 5, 25, 6.25, 10, 0.5],
    ["claude-opus-4-5", 5, 25, 6.25, 10, 0.5],
    ["claude-opus-4-1", 15, 75, 18.75, 30, 1.5],
    ["claude-opus-4-0", 15, 75, 18.75, 30, 1.5],
    ["claude-opus-4", 15, 75, 18.75, 30, 1.5],
    ["claude-sonnet-5-5", 2, 10, 2.5, 4, 0.1],
    ["claude-sonnet-5", 2, 10, 2.5, 4, 0.2],
    ["claude-sonnet-4-6", 3, 15, 3.75, 6, 0.3],
    ["claude-sonnet-4-5", 3, 15, 3.75, 6, 0.3],
    ["claude-sonnet-4-0", 3, 15, 3.75, 6, 0.3],
    ["claude-sonnet-4", 3, 15, 3.75, 6, 0.3],
    ["claude-haiku-5-5", 0.1, 0.5, 0.125, 0.2, 0.01],
    ["claude-haiku-4-5", 1, 5, 1.25, 2, 0.1],
    ["claude-3-7-sonnet", 3, 15, 3.75, 6, 0.3],
    ["claude-3-5-sonnet", 3, 15, 3.75, 6, 0.3],
    ["claude-3-5-haiku", 0.8, 4, 1, 1.6, 0.08],
    ["claude-3-haiku", 0.25, 1.25, 0.3, 0.5, 0.03],
    ["claude-3-opus", 15, 75, 18.75, 30, 1.5],
  ],
  openai: [
    ["gpt-6.2-sol", 2, 10, 2.5, 2.5, 0.1],
    ["gpt-6.1-sol", 2, 10, 2.5, 2.5, 0.1],
    ["gpt-6.1-terra", 1, 5, 1.25, 1.25, 0.05],
    ["gpt-6-sol", 2, 10, 2.5, 2.5, 0.2],
    ["gpt-6-luna", 0.1, 0.5, 0.125, 0.125, 0.01],
    ["gpt-6-astra", 10, 50, 12.5, 12.5, 1],
    ["gpt-5.6-sol", 4, 20, 5, 5, 0.4],
    ["gpt-5.6-terra", 2, 12, 2.5, 2.5, 0.2],
    ["gpt-5.6-luna", 0.2, 1.2, 0.25, 0.25, 0.02],
    ["gpt-5.5", 5, 30, 5, 5, 0.5],
    ["gpt-5.5-pro", 30, 180, 30, 30, 30],
    ["gpt-5.4", 2.5, 15, 2.5, 2.5, 0.25],
    ["gpt-5.4-pro", 30, 180, 30, 30, 30],
    ["gpt-5.4-mini", 0.75, 4.5, 0.75, 0.75, 0.075],
    ["gpt-5.4-nano", 0.2, 1.25, 0.2, 0.2, 0.02],
    ["gpt-5.3-codex", 1.75, 14, 1.75, 1.75, 0.175],
    ["gpt-5.2", 1.75, 14, 1.75, 1.75, 0.175],
    ["gpt-5.2-codex", 1.75, 14, 1.75, 1.75, 0.175],
    ["gpt-5.2-pro", 21, 168, 21, 21, 21],
    ["gpt-5.1", 1.25, 10, 1.25, 1.25, 0.125],
    ["gpt-5.1-codex", 1.25, 10, 1.25, 1.25, 0.125],
    ["gpt-5.1-codex-max", 1.25, 10, 1.25, 1.25, 0.125],
    ["gpt-5", 1.25, 10, 1.25, 1.25, 0.125],
    ["gpt-5-codex", 1.25, 10, 1.25, 1.25, 0.125],
    ["gpt-5-mini", 0.25, 2, 0.25, 0.25, 0.025],
    ["gpt-5.1-codex-mini", 0.25, 2, 0.25, 0.25, 0.025],
    ["gpt-5-nano", 0.05, 0.4, 0.05, 0.05, 0.005],
    ["gpt-5-pro", 15, 120, 15, 15, 15],
    ["gpt-4.1", 2, 8, 2, 2, 0.5],
    ["gpt-4.1-mini", 0.4, 1.6, 0.4, 0.4, 0.1],
    ["gpt-4.1-nano", 0.1, 0.4, 0.1, 0.1, 0.025],
    ["gpt-4o", 2.5, 10, 2.5, 2.5, 1.25],
    ["gpt-4o-mini", 0.15, 0.6, 0.15, 0.15, 0.075],
    ["o3", 2, 8, 2, 2, 0.5],
    ["o3-pro", 20, 80, 20, 20, 20],
    ["o4-mini", 1.1, 4.4, 1.1, 1.1, 0.275],
    ["o3-mini", 1.1, 4.4, 1.1, 1.1, 0.55],
    ["o1", 15, 60, 15, 15, 7.5],
    ["codex-mini-latest", 1.5, 6, 1.5, 1.5, 0.375],
    ["text-embedding-3-large", 0.13, 0, 0.13, 0.13, 0.13],
    ["text-embedding-3-small", 0.02, 0, 0.02, 0.02, 0.02],
  ],
  gemini: [
    ["gemini-4-argon", 2, 10, 2, 2, 0.1],
    ["gemini-4-carbon", 2, 10, 2, 2, 0.1],
    ["gemini-4-hydrogen", 1.5, 7.5, 1.5, 1.5, 0.075],
    ["gemini-3.8-flash", 0.75, 3.75, 0.75, 0.75, 0.075],
    ["gemini-3.7-flash", 0.75, 3.75, 0.75, 0.75, 0.075],
    ["gemini-3.6-flash", 0.75, 3.75, 0.75, 0.75, 0.075],
    ["gemini-3.5-flash", 1.5, 9, 1.5, 1.5, 0.15],
    ["gemini-3.5-flash-lite", 0.3, 2.5, 0.3, 0.3, 0.03],
    ["gemini-3.1-pro-preview", 2, 12, 2, 2, 0.2],
    ["gemini-3-pro-preview", 2, 12, 2, 2, 0.2],
    ["gemini-3.1-flash-lite", 0.25, 1.5, 0.25, 0.25, 0.025],
    ["gemini-3-flash-preview", 0.5, 3, 0.5, 0.5, 0.05],
    ["gemini-2.5-pro", 1.25, 10, 1.25, 1.25, 0.125],
    ["gemini-2.5-flash", 0.3, 2.5, 0.3, 0.3, 0.03],
    ["gemini-2.5-flash-lite", 0.1, 0.4, 0.1, 0.1, 0.01],
    ["gemini-2.0-flash", 0.1, 0.4, 0.1, 0.1, 0.025],
    ["gemini-2.0-flash-lite", 0.075, 0.3, 0.075, 0.075, 0.075],
    ["gemini-embedding-001", 0.15, 0, 0.15, 0.15, 0.15],
    ["gemini-embedding-2", 0.2, 0, 0.2, 0.2, 0.2],
  ],
};

const rows = (["claude", "openai", "gemini"] as const).flatMap((family) =>
  table[family].map((row) => [family, ...row] as const),
);

test("every listed model costs its list price per kind of token", () => {
  for (const [family, model, input, output, write5m, write1h, read] of rows) {
    const perMillion = (kind: keyof TokenCounts) =>
      round(1000 * price({ family, model, tokens: { ...noTokens, [kind]: 1000 } })!);
    assert.deepEqual(
      [model, ...(["input", "output", "cacheWrite5m", "cacheWrite1h", "cacheRead"] as const).map(perMillion)],
      [model, input, output, write5m, write1h, read],
    );
  }
});

test("reasoning is a part of the output and not billed twice", () => {
  const tokens = { ...noTokens, output: 1000, reasoning: 900 };
  assert.equal(price({ model: "claude-opus-5-5", tokens }), 0.02);
});

test("the size of one prompt decides the price of the whole request", () => {
  const cases: [Family, string, TokenCounts, number][] = [
    ["claude", "claude-haiku-5-5", counts({ input: 100_000, output: 1000 }), 0.01 + 0.0005],
    ["claude", "claude-haiku-5-5", counts({ input: 1, cacheRead: 100_000 }), 0.5e-6 + 0.005],
    ["claude", "claude-haiku-5-5", counts({ cacheWrite5m: 60_000, cacheWrite1h: 60_000 }), 0.0375 + 0.06],
    ["claude", "claude-haiku-5-5", counts({ input: 100_001, output: 1000 }), 0.0500005 + 0.0025],
    ["claude", "claude-sonnet-4-5", counts({ input: 200_000, output: 1000 }), 0.6 + 0.015],
    ["claude", "claude-sonnet-4-5", counts({ input: 200_001, output: 1000 }), 1.200006 + 0.0225],
    ["claude", "claude-sonnet-4-6", counts({ input: 900_000, output: 1000 }), 2.7 + 0.015],
    ["openai", "gpt-6.1-sol", counts({ input: 272_000, output: 1000 }), 0.544 + 0.01],
    [
      "openai",
      "gpt-6.1-sol",
      counts({ input: 272_000, cacheRead: 1000, output: 1000 }),
      1.088 + 0.0002 + 0.015,
    ],
    ["openai", "gpt-5.6-sol", counts({ input: 300_000, cacheWrite5m: 1000 }), 2.4 + 0.01],
    ["gemini", "gemini-2.5-pro", counts({ input: 200_001, output: 1000 }), 0.5000025 + 0.015],
    ["gemini", "gemini-3.1-pro-preview", counts({ input: 199_000, cacheRead: 2000 }), 0.796 + 0.0008],
  ];
  for (const [family, model, tokens, usd] of cases) {
    assert.equal(round(price({ family, model, tokens })!), round(usd), `${model} ${JSON.stringify(tokens)}`);
  }
});

test("a price holds from its date on, for the records of that time", () => {
  const cases: [Family, string, keyof TokenCounts, string, number][] = [
    ["claude", "claude-sonnet-5-5", "cacheRead", "2026-10-06T23:59:59Z", 0.2],
    ["claude", "claude-sonnet-5-5", "cacheRead", "2026-10-07T00:00:00Z", 0.1],
    ["gemini", "gemini-4-argon", "input", "2026-11-30T23:59:59Z", 2],
    ["gemini", "gemini-4-argon", "input", "2026-12-01T00:00:00Z", 4],
    ["gemini", "gemini-4-carbon", "cacheRead", "2026-12-01T00:00:00Z", 0.2],
    ["gemini", "gemini-3.8-flash", "output", "2026-12-31T23:59:59Z", 3.75],
    ["gemini", "gemini-3.8-flash", "output", "2027-01-01T00:00:00Z", 7.5],
    ["openai", "gpt-5.6-sol", "input", "2026-08-20T23:59:59Z", 5],
    ["openai", "gpt-5.6-sol", "input", "2026-08-21T00:00:00Z", 4],
    ["openai", "gpt-5.6-luna", "output", "2026-07-29T12:00:00Z", 6],
  ];
  for (const [family, model, kind, time, usd] of cases) {
    const tokens = counts({ [kind]: 1000 });
    assert.equal(
      round(1000 * price({ family, model, tokens, time: Date.parse(time) })!),
      usd,
      `${model} ${time}`,
    );
  }
});

test("batch, flex, priority and fast multiply the tokens and not the searches", () => {
  const cases: [Family, string, string | undefined, number | undefined][] = [
    ["claude", "claude-opus-5-5", undefined, 4],
    ["claude", "claude-opus-5-5", "standard", 4],
    ["claude", "claude-opus-5-5", "priority", 4],
    ["claude", "claude-opus-5-5", "batch", 2],
    ["claude", "claude-opus-5-5", "fast", 8],
    ["claude", "claude-opus-5-20260801", "fast", 10],
    ["claude", "claude-sonnet-5-5", "fast", undefined],
    ["openai", "gpt-5.2", "default", 1.75],
    ["openai", "gpt-5.2", "flex", 0.875],
    ["openai", "gpt-5.2", "batch", 0.875],
    ["openai", "gpt-5.2", "priority", 3.5],
    ["openai", "gpt-5.2", "FAST", 3.5],
    ["gemini", "gemini-2.5-pro", "flex", 1.25],
  ];
  for (const [family, model, tier, usd] of cases) {
    const one = price({ family, model, tier, tokens: counts({ input: 1000 }) });
    assert.equal(one === undefined ? undefined : round(one * 1000), usd, `${model} ${tier}`);
  }
  assert.equal(price({ model: "claude-opus-5-5", tier: "batch", webSearches: 3 }), 0.03);
  assert.equal(price({ family: "openai", model: "gpt-5.2", webSearches: 2 }), 0.02);
});

test("a model id is recognised with its provider, date and aliases", () => {
  const same: [string, string][] = [
    ["anthropic/claude-opus-5-5", "claude-opus-5-5"],
    ["models/gemini-2.5-pro", "gemini-2.5-pro"],
    ["openai/gpt-5.2", "gpt-5.2"],
    ["claude-sonnet-4-5[1m]", "claude-sonnet-4-5"],
    ["claude-sonnet-4-5-20250929[1m]", "claude-sonnet-4-5"],
    ["claude-opus-4-20250514", "claude-opus-4"],
    ["claude-sonnet-4-20250514", "claude-sonnet-4"],
    ["claude-haiku-5-5-20261001", "claude-haiku-5-5"],
    ["claude-sonnet-5-5@20261001", "claude-sonnet-5-5"],
    ["claude-3-7-sonnet-latest", "claude-3-7-sonnet"],
    ["Claude-Opus-5-5", "claude-opus-5-5"],
    ["gpt-6.1-sol-2026-10-01", "gpt-6.1-sol"],
    ["gpt-5.1-2025-11-13", "gpt-5.1"],
    ["gpt-5.2-codex-high", "gpt-5.2-codex"],
    ["gemini-2.0-flash-001", "gemini-2.0-flash"],
    ["gemini-2.5-flash-lite-preview-09-2025", "gemini-2.5-flash-lite"],
    ["gemini-3.1-pro-preview-customtools", "gemini-3.1-pro-preview"],
    ["claude-opus-4-6-thinking", "claude-opus-4-6"],
  ];
  const tokens = counts({ input: 1000, output: 100, cacheRead: 10_000 });
  for (const [alias, model] of same) {
    assert.equal(price({ model: alias, tokens }), price({ model, tokens }), alias);
    assert.notEqual(price({ model: alias, tokens }), undefined, alias);
  }
  // A dated snapshot with a price of its own keeps it.
  assert.equal(
    price({ family: "openai", model: "gpt-4o-2024-05-13", tokens: counts({ input: 1000 }) }),
    0.005,
  );
});

test("an unknown model has no price, not a price of 0", () => {
  const unknown = [
    "",
    "claude-opus-4-9",
    "claude-opus-4-9-20270101",
    "claude-sonnet-5-6",
    "claude-opus-5-6-fast",
    "claude",
    "gpt-6.3-sol",
    "gpt-7",
    "gpt-5.7",
    "gemini-5-pro",
    "gemini-pro-latest",
    "gemini-flash-latest",
    "llama-4",
    "constructor",
    "__proto__",
    "-latest",
    "@",
    "claude-opus-5-5".repeat(20),
  ];
  for (const model of unknown) {
    for (const family of ["claude", "openai", "gemini"] as const) {
      assert.equal(price({ family, model, tokens: counts({ input: 1000 }) }), undefined, model);
    }
  }
});

test("bands and kinds are counted as the package itself counts them", () => {
  const models: [Family, string, string][] = [
    ["claude", "anthropic", "claude-opus-5-5"],
    ["claude", "anthropic", "claude-sonnet-4-5"],
    ["claude", "anthropic", "claude-3-haiku"],
    ["openai", "openai", "gpt-5.6-sol"],
    ["openai", "openai", "gpt-5.5-pro"],
    ["openai", "openai", "gpt-4o"],
    ["gemini", "google", "gemini-2.5-pro"],
    ["gemini", "google", "gemini-3.8-flash"],
  ];
  const count = fc.nat(400_000);
  const tokens = fc.record({
    input: count,
    output: count,
    cacheWrite5m: count,
    cacheWrite1h: count,
    cacheRead: count,
    reasoning: fc.constant(0),
  });
  fc.assert(
    fc.property(fc.constantFrom(...models), tokens, ([family, providerId, model], t) => {
      const theirs = calcPrice(
        {
          input_tokens: t.input + t.cacheWrite5m + t.cacheWrite1h + t.cacheRead,
          output_tokens: t.output,
          cache_read_tokens: t.cacheRead,
          cache_write_tokens: t.cacheWrite5m + t.cacheWrite1h,
          cache_write_1h_tokens: t.cacheWrite1h,
        },
        model,
        { providerId, timestamp: new Date(asOf) },
      );
      assert.equal(round(price({ family, model, tokens: t })!), round(theirs!.total_price));
    }),
  );
});

test("any name and any time is answered with a price above 0 or none", () => {
  const name = fc.oneof(
    fc.string(),
    fc.tuple(fc.constantFrom(...rows.map((row) => row[1])), fc.string()).map((parts) => parts.join("-")),
  );
  fc.assert(
    fc.property(name, fc.integer(), (model, time) => {
      const usd = price({ model, time, tokens: counts({ input: 1 }) });
      assert.ok(usd === undefined || usd > 0);
    }),
  );
});

function price(request: Partial<PricedRequest>): number | undefined {
  return priceOf({
    family: "claude",
    model: "claude-opus-5-5",
    tokens: noTokens,
    tier: undefined,
    webSearches: 0,
    time: asOf,
    ...request,
  });
}

function counts(some: Partial<TokenCounts>): TokenCounts {
  return { ...noTokens, ...some };
}

/** To a billionth of a dollar, as it is stored. */
function round(usd: number): number {
  return Math.round(usd * 1e9) / 1e9;
}
