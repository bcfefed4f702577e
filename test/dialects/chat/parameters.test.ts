// Sampling, limits, and the parameters that map one to one or not at all.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { InvalidChatRequest } from "../../../src/dialects/chat/invalid.ts";
import { type Json, request, toClaude } from "./support.ts";

/** The body less what every request has; `undefined` fields count as absent. */
function extras(parameters: Json): Json {
  const { model: _, messages: __, max_tokens: ___, ...rest } = toClaude(request(parameters)).body;
  return rest;
}

function warningsOf(parameters: Json): string[] {
  return toClaude(request(parameters)).warnings;
}

const opus3 = "claude-3-opus-20240229";
const sonnet46 = "claude-sonnet-4-6";
const opus55 = "claude-opus-5-5";

const mapped: { title: string; from: Json; to: Json; warnings?: string[] }[] = [
  { title: "nothing asked is nothing sent", from: {}, to: {} },
  {
    title: "nulls are nothing asked",
    from: Object.fromEntries(
      [
        "stream",
        "stop",
        "user",
        "n",
        "tools",
        "temperature",
        "top_p",
        "response_format",
        "reasoning_effort",
        "seed",
        "metadata",
      ].map((name) => [name, null]),
    ),
    to: {},
  },
  { title: "temperature within Claude's range", from: { temperature: 0 }, to: { temperature: 0 } },
  {
    title: "temperature above Claude's range",
    from: { temperature: 2 },
    to: { temperature: 1 },
    warnings: ["temperature clamped"],
  },
  { title: "top_p alone", from: { top_p: 0.5 }, to: { top_p: 0.5 } },
  {
    title: "temperature and top_p on models that take both",
    from: { model: opus3, temperature: 0.5, top_p: 0.5, max_tokens: 100 },
    to: { temperature: 0.5, top_p: 0.5 },
  },
  {
    title: "temperature and top_p where they exclude each other",
    from: { model: sonnet46, temperature: 0.5, top_p: 0.5 },
    to: { temperature: 0.5 },
    warnings: ["top_p dropped"],
  },
  {
    title: "a top_p of 1, which says nothing",
    from: { temperature: 0.5, top_p: 1 },
    to: { temperature: 0.5 },
  },
  {
    title: "sampling on models that take none",
    from: { model: opus55, temperature: 0.5, top_p: 0.5 },
    to: {},
    warnings: ["temperature dropped", "top_p dropped"],
  },
  {
    title: "the default temperature on models that take none",
    from: { model: opus55, temperature: 1, top_p: 1 },
    to: {},
  },
  {
    title: "temperature together with adaptive thinking",
    from: { model: sonnet46, reasoning_effort: "low", temperature: 0.5, top_p: 0.96 },
    to: {
      thinking: { type: "adaptive", display: "summarized" },
      output_config: { effort: "low" },
      top_p: 0.96,
    },
    warnings: ["temperature dropped"],
  },
  {
    title: "top_p below what thinking allows",
    from: { model: sonnet46, reasoning_effort: "low", top_p: 0.5 },
    to: { thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "low" } },
    warnings: ["top_p dropped"],
  },
  { title: "one stop sequence", from: { stop: "END" }, to: { stop_sequences: ["END"] } },
  { title: "several stop sequences", from: { stop: ["a", "b\n"] }, to: { stop_sequences: ["a", "b\n"] } },
  { title: "a blank stop sequence", from: { stop: "\n\n" }, to: {}, warnings: ["stop dropped"] },
  { title: "no stop sequence", from: { stop: [] }, to: {} },
  {
    title: "a stream",
    from: { stream: true, stream_options: { include_usage: true, include_obfuscation: true } },
    to: { stream: true },
  },
  { title: "no stream", from: { stream: false }, to: {} },
  { title: "one answer", from: { n: 1 }, to: {} },
  { title: "text only", from: { modalities: ["text"] }, to: {} },
  { title: "a user", from: { user: "u-1" }, to: { metadata: { user_id: "u-1" } } },
  {
    title: "a safety identifier, which replaces the user",
    from: { user: "u-1", safety_identifier: "s-1" },
    to: { metadata: { user_id: "s-1" } },
  },
  {
    title: "a user that is an e-mail address",
    from: { user: "eve@example.com" },
    to: { metadata: { user_id: createHash("sha256").update("eve@example.com").digest("hex") } },
  },
  {
    title: "a long user",
    from: { user: "u".repeat(257) },
    to: { metadata: { user_id: createHash("sha256").update("u".repeat(257)).digest("hex") } },
  },
  {
    title: "a user of 256 characters",
    from: { user: "u".repeat(256) },
    to: { metadata: { user_id: "u".repeat(256) } },
  },
  { title: "a blank user", from: { user: " " }, to: {} },
  {
    title: "a user in Claude Code's older form",
    from: { user: `user_${"a".repeat(64)}_account_1_session_2` },
    to: {},
    warnings: ["user dropped"],
  },
  {
    title: "a user in Claude Code's newer form",
    from: { user: '{"device_id":"1","session_id":"2"}' },
    to: {},
    warnings: ["user dropped"],
  },
  { title: "service tier auto", from: { service_tier: "auto" }, to: { service_tier: "auto" } },
  { title: "service tier default", from: { service_tier: "default" }, to: { service_tier: "standard_only" } },
  { title: "service tier flex", from: { service_tier: "flex" }, to: {}, warnings: ["service_tier dropped"] },
  {
    title: "Claude's own parameters",
    from: { top_k: 5, cache_control: { type: "ephemeral" }, output_config: { effort: "low" } },
    to: { top_k: 5, cache_control: { type: "ephemeral" }, output_config: { effort: "low" } },
  },
  {
    title: "Claude's own thinking",
    from: { thinking: { type: "enabled", budget_tokens: 2048 } },
    to: { thinking: { type: "enabled", budget_tokens: 2048 } },
  },
  {
    title: "Claude's own effort before OpenAI's",
    from: {
      model: opus55,
      reasoning_effort: "low",
      output_config: { effort: "max", task_budget: { type: "tokens", total: 9 } },
    },
    to: {
      thinking: { type: "adaptive", display: "summarized" },
      output_config: { effort: "max", task_budget: { type: "tokens", total: 9 } },
    },
  },
  { title: "the cache key, which is the relay's", from: { prompt_cache_key: "k" }, to: {} },
];

for (const { title, from, to, warnings = [] } of mapped) {
  test(`${title}: converted`, () => {
    assert.deepEqual(extras(from), to);
    assert.deepEqual(warningsOf(from), warnings);
  });
}

const dropped: Json = {
  logprobs: true,
  top_logprobs: 3,
  logit_bias: { "50256": -100 },
  seed: 0,
  presence_penalty: 0.5,
  frequency_penalty: -0.5,
  store: true,
  metadata: { a: "b" },
  prediction: { type: "content", content: "x" },
  verbosity: "low",
  moderation: { model: "x" },
  web_search_options: { search_context_size: "low" },
  prompt_cache_options: { ttl: "30m" },
  prompt_cache_retention: "24h",
  some_new_parameter: [1],
};

for (const [name, value] of Object.entries(dropped)) {
  test(`${name} has no counterpart: left out and reported`, () => {
    assert.deepEqual(extras({ [name]: value }), {});
    assert.deepEqual(warningsOf({ [name]: value }), [`${name} dropped`]);
  });
}

test("dropped parameters that ask for nothing are not reported", () => {
  assert.deepEqual(
    warningsOf({
      logprobs: false,
      top_logprobs: 0,
      logit_bias: {},
      seed: null,
      presence_penalty: 0,
      frequency_penalty: 0,
      store: false,
      metadata: {},
      unknown: [],
    }),
    [],
  );
});

test("an empty object that turns something on is reported", () => {
  assert.deepEqual(warningsOf({ web_search_options: {} }), ["web_search_options dropped"]);
});

test("warnings stay fit for a header, whatever the parameters are called", () => {
  const hostile: Json = { "x\r\nset-cookie: a=b": 1, ü: 1, "a,b": 1, ["n".repeat(41)]: 1 };
  assert.deepEqual(warningsOf(hostile), ["4 unknown parameters dropped"]);
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`p${index}`, 1]));
  const warnings = warningsOf(many);
  assert.equal(warnings.length, 41);
  assert.equal(warnings.at(-1), "960 unknown parameters dropped");
});

/** Claude needs the limit that OpenAI lets out: what the relay says for it is in the warning. */
function ours(parameters: Json): Json {
  return { ...parameters, max_tokens: undefined };
}

const limits: { title: string; from: Json; to: number; warnings?: string[] }[] = [
  { title: "a model that gives so much, left out", from: ours({}), to: 64_000 },
  { title: "a model that gives less, left out", from: ours({ model: opus3 }), to: 4096 },
  { title: "a model that gives most, left out", from: ours({ model: opus55 }), to: 128_000 },
  { title: "a model that nobody knows, left out", from: ours({ model: "claude-next-9" }), to: 32_000 },
  { title: "a budget beside it, left out", from: ours({ reasoning_effort: "max" }), to: 64_000 },
  { title: "max_tokens", from: { max_tokens: 7 }, to: 7 },
  {
    title: "max_completion_tokens before max_tokens",
    from: { max_completion_tokens: 9, max_tokens: 7 },
    to: 9,
  },
  {
    title: "more than the model has",
    from: { max_tokens: 1_000_000 },
    to: 64_000,
    warnings: ["max_tokens clamped"],
  },
  {
    title: "more than the model has, by the newer name",
    from: { model: opus55, max_completion_tokens: 128_001 },
    to: 128_000,
    warnings: ["max_completion_tokens clamped"],
  },
];

for (const { title, from, to, warnings = [] } of limits) {
  test(`max_tokens is ${to} for ${title}`, () => {
    const converted = toClaude(request(from));
    assert.equal(converted.body.max_tokens, to);
    const isOurs = Object.hasOwn(from, "max_tokens") && from.max_tokens === undefined;
    assert.deepEqual(converted.warnings, isOurs ? [`max_tokens set to ${to}`] : warnings);
    // Above that Anthropic wants a stream, whose silences are short.
    assert.equal(converted.body.stream, to > 21_333 ? true : undefined);
  });
}

const refused: { from: Json; param: string }[] = [
  { from: { model: undefined }, param: "model" },
  { from: { model: " " }, param: "model" },
  { from: { model: 5 }, param: "model" },
  { from: { n: 2 }, param: "n" },
  { from: { n: 0 }, param: "n" },
  { from: { n: "1" }, param: "n" },
  { from: { audio: { voice: "alloy", format: "wav" } }, param: "audio" },
  { from: { modalities: ["text", "audio"] }, param: "modalities[1]" },
  { from: { modalities: "text" }, param: "modalities" },
  { from: { max_tokens: 0 }, param: "max_tokens" },
  { from: { max_tokens: -1 }, param: "max_tokens" },
  { from: { max_tokens: 1.5 }, param: "max_tokens" },
  { from: { max_completion_tokens: "9" }, param: "max_completion_tokens" },
  { from: { temperature: 2.1 }, param: "temperature" },
  { from: { temperature: -0.1 }, param: "temperature" },
  { from: { temperature: "hot" }, param: "temperature" },
  { from: { top_p: 1.1 }, param: "top_p" },
  { from: { stop: 5 }, param: "stop" },
  { from: { stop: ["a", 5] }, param: "stop[1]" },
  { from: { stream: "yes" }, param: "stream" },
  { from: { stream_options: true }, param: "stream_options" },
  { from: { stream_options: { include_usage: 1 } }, param: "stream_options.include_usage" },
  { from: { user: 5 }, param: "user" },
  { from: { safety_identifier: {} }, param: "safety_identifier" },
  { from: { service_tier: 1 }, param: "service_tier" },
  { from: { top_k: 1.5 }, param: "top_k" },
  { from: { thinking: "on" }, param: "thinking" },
  { from: { cache_control: true }, param: "cache_control" },
  { from: { output_config: [] }, param: "output_config" },
];

for (const { from, param } of refused) {
  test(`${JSON.stringify(from)} is refused, and ${param} named`, () => {
    assert.throws(
      () => toClaude(request(from)),
      (error) =>
        error instanceof InvalidChatRequest &&
        error.param === param &&
        error.message.startsWith(`${param}: `),
    );
  });
}
