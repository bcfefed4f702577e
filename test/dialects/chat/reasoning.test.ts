import assert from "node:assert/strict";
import test from "node:test";
import { InvalidChatRequest } from "../../../src/dialects/chat/invalid.ts";
import { type Json, request, toClaude } from "./support.ts";

interface Expected {
  thinking?: Json;
  effort?: string;
  max?: number;
  warnings?: string[];
}

const adaptive = { type: "adaptive", display: "summarized" };
const disabled = { type: "disabled" };
const budget = (budget_tokens: number) => ({ type: "enabled", budget_tokens });
const downgraded = ["reasoning_effort downgraded"];

const table: Record<string, Record<string, Expected>> = {
  "claude-haiku-4-5": {
    absent: { max: 8192 },
    none: { max: 8192 },
    minimal: { thinking: budget(1024), max: 8192 },
    low: { thinking: budget(4096), max: 8192 },
    medium: { thinking: budget(10_240), max: 18_432 },
    high: { thinking: budget(24_576), max: 32_768 },
    xhigh: { thinking: budget(32_000), max: 40_192 },
    max: { thinking: budget(32_000), max: 40_192 },
  },
  "claude-opus-4-1": {
    high: { thinking: budget(23_808), max: 32_000 },
    xhigh: { thinking: budget(23_808), max: 32_000 },
  },
  "claude-3-5-sonnet-latest": {
    none: { max: 8192 },
    high: { max: 8192, warnings: ["reasoning_effort dropped"] },
  },
  "claude-opus-4-5": {
    absent: { max: 8192 },
    none: { max: 8192 },
    minimal: { thinking: budget(1024), effort: "low", max: 8192 },
    medium: { thinking: budget(10_240), effort: "medium", max: 18_432 },
    xhigh: { thinking: budget(32_000), effort: "high", max: 40_192, warnings: downgraded },
  },
  "claude-sonnet-4-6": {
    absent: { max: 8192 },
    none: { thinking: disabled, max: 8192 },
    minimal: { thinking: adaptive, effort: "low", max: 8192 },
    low: { thinking: adaptive, effort: "low", max: 8192 },
    medium: { thinking: adaptive, effort: "medium", max: 8192 },
    high: { thinking: adaptive, effort: "high", max: 8192 },
    xhigh: { thinking: adaptive, effort: "high", max: 8192, warnings: downgraded },
    max: { thinking: adaptive, effort: "max", max: 8192 },
  },
  "claude-opus-4-8": {
    absent: { max: 8192 },
    none: { thinking: disabled, max: 8192 },
    xhigh: { thinking: adaptive, effort: "xhigh", max: 8192 },
  },
  "claude-sonnet-5": {
    absent: { max: 8192 },
    none: { thinking: disabled, max: 8192 },
    high: { thinking: adaptive, effort: "high", max: 8192 },
  },
  "claude-opus-5": {
    none: { thinking: disabled, max: 8192 },
    max: { thinking: adaptive, effort: "max", max: 8192 },
  },
  "claude-opus-5-5": {
    absent: { max: 8192 },
    none: { effort: "low", max: 8192, warnings: downgraded },
    minimal: { thinking: adaptive, effort: "low", max: 8192 },
    max: { thinking: adaptive, effort: "max", max: 8192 },
  },
  "claude-sonnet-5-5": { none: { thinking: { type: "between_tools" }, max: 8192 } },
  "claude-haiku-5-5": {
    none: { thinking: disabled, max: 8192 },
    max: { thinking: adaptive, effort: "high", max: 8192, warnings: downgraded },
  },
  "claude-next-9": { max: { thinking: adaptive, effort: "high", max: 8192, warnings: downgraded } },
};

for (const [model, byEffort] of Object.entries(table)) {
  for (const [effort, expected] of Object.entries(byEffort)) {
    test(`reasoning_effort ${effort} on ${model}`, () => {
      const reasoning_effort = effort === "absent" ? undefined : effort;
      assert.deepEqual(reasoningOf({ model, reasoning_effort }), { warnings: [], ...expected });
    });
  }
}

const tools = [{ type: "function", function: { name: "get" } }];

const conflicts: { title: string; from: Json; to: Expected & { choice?: Json } }[] = [
  {
    title: "a forced tool keeps a budget model from thinking",
    from: { model: "claude-haiku-4-5", reasoning_effort: "high", tools, tool_choice: "required" },
    to: { choice: { type: "any" }, max: 8192, warnings: ["reasoning_effort dropped"] },
  },
  {
    title: "a forced tool keeps an effort model from thinking, at its effort",
    from: { model: "claude-sonnet-4-6", reasoning_effort: "high", tools, tool_choice: "required" },
    to: { choice: { type: "any" }, effort: "high", max: 8192, warnings: downgraded },
  },
  {
    title: "a forced tool turns off thinking that is on by default",
    from: { model: "claude-sonnet-5", tools, tool_choice: "required" },
    to: { choice: { type: "any" }, thinking: disabled, max: 8192, warnings: ["thinking disabled"] },
  },
  {
    title: "Opus 5 thinks of nothing at most at high effort",
    from: { model: "claude-opus-5", reasoning_effort: "max", tools, tool_choice: "required" },
    to: { choice: { type: "any" }, thinking: disabled, effort: "high", max: 8192, warnings: downgraded },
  },
  {
    title: "thinking that the client asked for in Claude's terms stays, and the tool is asked for in words",
    from: {
      model: "claude-haiku-4-5",
      thinking: budget(2048),
      tools,
      tool_choice: { type: "function", function: { name: "get" } },
    },
    to: {
      choice: { type: "auto" },
      thinking: budget(2048),
      max: 8192,
      warnings: ["tool_choice downgraded"],
    },
  },
  {
    title: "effort has no place beside a budget in Claude's terms",
    from: { model: "claude-haiku-4-5", thinking: budget(2048), reasoning_effort: "low" },
    to: { thinking: budget(2048), max: 8192, warnings: ["reasoning_effort dropped"] },
  },
  {
    title: "a budget in Claude's terms gets its room",
    from: { model: "claude-haiku-4-5", thinking: budget(40_000), max_tokens: 2000 },
    to: { thinking: budget(40_000), max: 42_000 },
  },
  {
    title: "a budget that Claude refuses is passed on",
    from: { model: "claude-haiku-4-5", thinking: budget(5), max_tokens: 2000 },
    to: { thinking: budget(5), max: 2000 },
  },
  {
    title: "a prefill keeps a budget model from thinking",
    from: {
      model: "claude-opus-4-5",
      reasoning_effort: "high",
      messages: [
        { role: "user", content: "q" },
        { role: "assistant", content: "A" },
      ],
    },
    to: { effort: "high", max: 8192, warnings: downgraded },
  },
  {
    title: "an adaptive model thinks in a tool loop whether its thinking is there or not",
    from: {
      model: "claude-sonnet-4-6",
      reasoning_effort: "high",
      messages: [
        { role: "user", content: "q" },
        {
          role: "assistant",
          tool_calls: [{ id: "c1", type: "function", function: { name: "get", arguments: "" } }],
        },
        { role: "tool", tool_call_id: "c1", content: "1" },
      ],
    },
    to: { thinking: adaptive, effort: "high", max: 8192 },
  },
  {
    title: "a tool loop that has ended is none",
    from: {
      model: "claude-haiku-4-5",
      reasoning_effort: "low",
      messages: [
        { role: "user", content: "q" },
        {
          role: "assistant",
          tool_calls: [{ id: "c1", type: "function", function: { name: "get", arguments: "" } }],
        },
        { role: "tool", tool_call_id: "c1", content: "1" },
        { role: "assistant", content: "done" },
        { role: "user", content: "thanks" },
      ],
    },
    to: { thinking: budget(4096), max: 8192 },
  },
  {
    title: "a limit above the budget stays",
    from: { model: "claude-haiku-4-5", reasoning_effort: "low", max_tokens: 5000 },
    to: { thinking: budget(4096), max: 5000 },
  },
  {
    title: "a limit at the budget is raised",
    from: { model: "claude-haiku-4-5", reasoning_effort: "low", max_tokens: 4096 },
    to: { thinking: budget(4096), max: 8192 },
  },
  {
    title: "the budget shrinks where the model ends",
    from: { model: "claude-opus-4-1", reasoning_effort: "max", max_tokens: 20_000 },
    to: { thinking: budget(12_000), max: 32_000 },
  },
  {
    title: "the budget never falls below Claude's least",
    from: { model: "claude-opus-4-1", reasoning_effort: "max", max_tokens: 31_999 },
    to: { thinking: budget(1024), max: 32_000 },
  },
];

for (const { title, from, to } of conflicts) {
  test(title, () => {
    const { choice, ...rest } = to;
    assert.deepEqual(reasoningOf(from), { warnings: [], ...rest });
    assert.deepEqual(toClaude(request(from)).body.tool_choice, choice);
  });
}

test("an unknown effort is refused", () => {
  assert.throws(
    () => toClaude(request({ reasoning_effort: "extreme" })),
    (error) =>
      error instanceof InvalidChatRequest &&
      error.param === "reasoning_effort" &&
      error.message ===
        'reasoning_effort: must be one of none, minimal, low, medium, high, xhigh, max, not "extreme".',
  );
});

function reasoningOf(parameters: Json): Expected {
  const { body, warnings } = toClaude(request(parameters));
  const found: Expected = { max: body.max_tokens as number, warnings };
  if (body.thinking !== undefined) found.thinking = body.thinking as Json;
  const config = body.output_config as { effort: string } | undefined;
  if (config) found.effort = config.effort;
  return found;
}
