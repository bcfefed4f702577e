import assert from "node:assert/strict";
import test from "node:test";
import { type ModelFamily, modelFamily } from "../../../src/dialects/chat/model-families.ts";

type Row = [
  ids: string[],
  thinking: ModelFamily["thinking"],
  off: ModelFamily["thinkingOff"],
  byDefault: boolean,
  sampling: ModelFamily["sampling"],
  forcedTools: boolean,
  prefill: boolean,
  efforts: string,
  jsonSchema: boolean,
  maxOutput: number,
];

const all = "low,medium,high,xhigh,max";
const rows: Row[] = [
  [
    ["claude-3-opus-20240229", "claude-3-haiku-20240307"],
    "none",
    "disabled",
    false,
    "both",
    true,
    true,
    "",
    false,
    4096,
  ],
  [
    ["claude-3-5-sonnet-20241022", "claude-3-5-haiku-latest"],
    "none",
    "disabled",
    false,
    "both",
    true,
    true,
    "",
    false,
    8192,
  ],
  [
    ["claude-3-7-sonnet-20250219", "claude-sonnet-4-20250514", "claude-sonnet-4-0"],
    "budget",
    "disabled",
    false,
    "both",
    true,
    true,
    "",
    false,
    64_000,
  ],
  [
    ["claude-opus-4-20250514", "claude-opus-4-0", "claude-opus-4"],
    "budget",
    "disabled",
    false,
    "both",
    true,
    true,
    "",
    false,
    32_000,
  ],
  [["claude-opus-4-1-20250805"], "budget", "disabled", false, "one", true, true, "", true, 32_000],
  [
    ["claude-sonnet-4-5-20250929", "claude-haiku-4-5", "anthropic/claude-sonnet-4.5"],
    "budget",
    "disabled",
    false,
    "one",
    true,
    true,
    "",
    true,
    64_000,
  ],
  [
    ["claude-opus-4-5-20251101", "claude-opus-4-5"],
    "budget",
    "disabled",
    false,
    "one",
    true,
    true,
    "low,medium,high",
    true,
    64_000,
  ],
  [
    ["claude-sonnet-4-6"],
    "adaptive",
    "disabled",
    false,
    "one",
    true,
    false,
    "low,medium,high,max",
    true,
    64_000,
  ],
  [
    ["claude-opus-4-6", "us.anthropic.claude-opus-4-6-v1"],
    "adaptive",
    "disabled",
    false,
    "one",
    true,
    false,
    "low,medium,high,max",
    true,
    128_000,
  ],
  [
    ["claude-opus-4-7", "claude-opus-4-8"],
    "adaptive",
    "disabled",
    false,
    "none",
    true,
    false,
    all,
    true,
    128_000,
  ],
  [
    ["claude-sonnet-5", "claude-sonnet-5-20260601"],
    "adaptive",
    "disabled",
    true,
    "none",
    true,
    false,
    all,
    true,
    128_000,
  ],
  [["claude-opus-5", "CLAUDE-OPUS-5"], "adaptive", "disabled", true, "none", true, false, all, true, 128_000],
  [
    [
      "claude-fable-5",
      "claude-mythos-5",
      "claude-opus-5-5",
      "claude-fable-5-1",
      "claude-fable-5-2",
      "claude-mythos-5-1",
      "claude-mythos-5-2",
    ],
    "adaptive",
    "never",
    true,
    "none",
    false,
    false,
    all,
    true,
    128_000,
  ],
  [["claude-sonnet-5-5"], "adaptive", "between_tools", true, "none", false, false, all, true, 128_000],
  [
    ["claude-haiku-5-5"],
    "adaptive",
    "disabled",
    true,
    "none",
    false,
    false,
    "low,medium,high",
    true,
    128_000,
  ],
  [
    [
      "claude-opus-6",
      "claude-sonnet-5-6",
      "claude-haiku-6-1-20270101",
      "claude-nova-1",
      "gpt-5",
      "x",
      "claude-opus-4-9",
    ],
    "adaptive",
    "never",
    true,
    "none",
    false,
    false,
    "low,medium,high",
    true,
    128_000,
  ],
];

for (const [ids, thinking, off, byDefault, sampling, forced, prefill, efforts, schema, maxOutput] of rows) {
  for (const id of ids) {
    test(`${id} has the row of its family`, () => {
      const family = modelFamily(id);
      assert.deepEqual(
        {
          thinking: family.thinking,
          off: family.thinkingOff,
          byDefault: family.thinksByDefault,
          sampling: family.sampling,
          forced: family.forcedTools,
          prefill: family.prefill,
          efforts: family.efforts.join(","),
          schema: family.jsonSchema,
          maxOutput: family.maxOutput,
        },
        { thinking, off, byDefault, sampling, forced, prefill, efforts, schema, maxOutput },
      );
    });
  }
}

test("only Opus 5 limits the effort that goes with thinking turned off", () => {
  assert.equal(modelFamily("claude-opus-5").highestEffortWithoutThinking, "high");
  assert.equal(modelFamily("claude-sonnet-5").highestEffortWithoutThinking, "max");
});

test("a hostile model id is only an unknown one", () => {
  const strictest = modelFamily("unknown");
  for (const id of [
    "",
    "__proto__",
    "constructor",
    "opus-".repeat(100_000),
    "claude-opus-4-5".padStart(1000, "x"),
  ]) {
    assert.deepEqual(modelFamily(id), strictest);
  }
});
