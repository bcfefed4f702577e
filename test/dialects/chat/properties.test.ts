// Any valid chat request becomes one that Claude accepts; anything else is an invalid_request, and never a crash.

import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { RelayError } from "../../../src/domain/errors.ts";
import { draws } from "../../support/draws.ts";
import { assertAcceptable } from "./claude-rules.ts";
import { convert, type Json, onlyInvalidRequests, toClaude } from "./support.ts";

const model = fc.constantFrom(
  "claude-3-5-sonnet-latest",
  "claude-3-7-sonnet-latest",
  "claude-opus-4-1",
  "claude-haiku-4-5",
  "claude-opus-4-5",
  "claude-sonnet-4-6",
  "claude-opus-4-8",
  "claude-sonnet-5",
  "claude-opus-5",
  "claude-opus-5-5",
  "claude-sonnet-5-5",
  "claude-haiku-5-5",
  "claude-next-9",
);

const words = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom("", " ", "\n\t", "a ", "b\n"),
);
const mark = fc.option(fc.constant({ mode: "explicit" }), { nil: undefined, freq: 2 });
const textPart = fc.record({ type: fc.constant("text"), text: words, prompt_cache_breakpoint: mark });
const imagePart = fc.constantFrom(
  { type: "image_url", image_url: { url: "data:image/jpg;base64,AAAA" } },
  { type: "image_url", image_url: { url: "https://example.com/a.png" } },
);
const content = fc.oneof(words, fc.array(fc.oneof(textPart, imagePart), { maxLength: 3 }));
const callId = fc.oneof(
  fc.constantFrom("toolu_1", "functions.get:0", "functions_get_0", "a", "a_2", "a_3", "", "é"),
  fc.string({ maxLength: 6 }),
);

const userTurn = fc.array(fc.record({ role: fc.constant("user"), content }), { minLength: 1, maxLength: 2 });
const systemTurn = fc.array(
  fc.record({
    role: fc.constantFrom("system", "developer"),
    content: fc.oneof(words, fc.array(textPart, { maxLength: 2 })),
  }),
  { maxLength: 2 },
);
const assistantTurn = fc.array(
  fc.record({ role: fc.constant("assistant"), content: fc.oneof(words, fc.constant(null)) }),
  { minLength: 1, maxLength: 2 },
);

/** An assistant message with calls, and all their results in any order, words between and behind. */
const toolTurn = fc
  .record({
    ids: fc.array(callId, { minLength: 1, maxLength: 4 }),
    text: words,
    signed: fc.boolean(),
    args: fc.constantFrom("", "{}", '{"a":1}', "[1]", "{"),
    result: content,
    shuffle: fc.infiniteStream(fc.nat()),
    chatter: words,
  })
  .map(({ ids, text, signed, args, result, shuffle, chatter }) => {
    const calls = ids.map((id) => ({ id, type: "function", function: { name: "get", arguments: args } }));
    const order = ids
      .map((id) => ({ id, key: shuffle.next().value }))
      .sort((a, b) => a.key - b.key)
      .map(({ id }) => ({ role: "tool", tool_call_id: id, content: result }));
    const thinking = signed ? { thinking_blocks: [{ type: "thinking", thinking: "t", signature: "s" }] } : {};
    return [
      { role: "assistant", content: text, tool_calls: calls, ...thinking },
      ...order.slice(0, 1),
      { role: "user", content: chatter },
      ...order.slice(1),
    ];
  });

const conversation = fc
  .array(fc.oneof(userTurn, systemTurn, assistantTurn, toolTurn), { maxLength: 6 })
  .map((turns): unknown[] => [{ role: "user", content: "begin" }, ...turns.flat()]);

const tools = [
  {
    type: "function",
    function: {
      name: "get",
      strict: true,
      parameters: { type: "object", properties: {}, additionalProperties: false },
    },
  },
  { type: "function", function: { name: "put" } },
];

const parameters = fc
  .record(
    {
      tools: fc.constant(tools),
      tool_choice: fc.constantFrom<unknown>(
        "auto",
        "none",
        "required",
        { type: "function", function: { name: "put" } },
        {
          type: "allowed_tools",
          allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "get" } }] },
        },
      ),
      parallel_tool_calls: fc.boolean(),
      max_tokens: fc.integer({ min: 1, max: 200_000 }),
      temperature: fc.double({ min: 0, max: 2, noNaN: true }),
      top_p: fc.double({ min: 0, max: 1, noNaN: true }),
      stop: fc.oneof(words, fc.array(words, { maxLength: 4 })),
      reasoning_effort: fc.constantFrom("none", "minimal", "low", "medium", "high", "xhigh", "max"),
      response_format: fc.constantFrom(
        { type: "text" },
        { type: "json_object" },
        { type: "json_schema", json_schema: { name: "x", schema: { type: "object" } } },
        { type: "json_schema", json_schema: { name: "x", strict: false, schema: { type: "object" } } },
      ),
      stream: fc.boolean(),
      user: fc.string({ maxLength: 300 }),
      seed: fc.integer(),
      cache_control: fc.constant({ type: "ephemeral" }),
    },
    { requiredKeys: [] },
  )
  // A choice that needs a tool is only valid with one.
  .map((chosen) => (chosen.tools ? chosen : { ...chosen, tool_choice: undefined }));

test("any valid request becomes one that Claude accepts", () => {
  fc.assert(
    fc.property(model, conversation, parameters, (id, messages, rest) => {
      const { body, warnings } = toClaude({ model: id, messages, ...rest });
      assertAcceptable(body);
      for (const warning of warnings) assert.match(warning, /^[\w.-]+( unknown parameters)? \w+( to \d+)?$/);
    }),
    { numRuns: draws(1500) },
  );
});

test("a growing conversation keeps the wording of what went before", () => {
  fc.assert(
    fc.property(conversation, toolTurn, (messages, more) => {
      const before = toClaude({
        model: "claude-opus-4-5",
        messages: [...messages, { role: "user", content: "x" }],
      });
      const after = toClaude({
        model: "claude-opus-4-5",
        messages: [...messages, { role: "user", content: "x" }, ...more],
      });
      const unmarked = ({ body }: { body: Json }) =>
        JSON.parse(
          JSON.stringify(body.messages, (key, value) => (key === "cache_control" ? undefined : value)),
        );
      const length = (before.body.messages as unknown[]).length;
      assert.deepEqual(unmarked(after).slice(0, length), unmarked(before));
    }),
    { numRuns: draws(300) },
  );
});

/** A request in which every converted parameter and kind of message occurs. */
const everything: Json = {
  model: "claude-sonnet-4-5",
  messages: [
    { role: "system", content: "s", name: "n" },
    { role: "user", content: [{ type: "text", text: "a", prompt_cache_breakpoint: { mode: "explicit" } }] },
    { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] },
    { role: "user", content: [{ type: "file", file: { file_data: "AAAA", filename: "a.pdf" } }] },
    {
      role: "assistant",
      content: [{ type: "refusal", refusal: "r" }],
      refusal: "r",
      tool_calls: [{ id: "c1", type: "function", function: { name: "get", arguments: "{}" } }],
      thinking_blocks: [{ type: "thinking", thinking: "t", signature: "s" }],
    },
    { role: "tool", tool_call_id: "c1", content: [{ type: "text", text: "1" }] },
    { role: "assistant", content: null, function_call: { name: "get", arguments: "{}" } },
    { role: "function", name: "get", content: "1" },
  ],
  tools,
  tool_choice: {
    type: "allowed_tools",
    allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "get" } }] },
  },
  parallel_tool_calls: false,
  max_completion_tokens: 10,
  max_tokens: 10,
  temperature: 0.5,
  top_p: 0.5,
  top_k: 3,
  stop: ["x"],
  reasoning_effort: "low",
  response_format: {
    type: "json_schema",
    json_schema: { name: "x", strict: true, schema: { type: "object", properties: { a: { enum: ["x"] } } } },
  },
  stream: true,
  stream_options: { include_usage: true },
  n: 1,
  modalities: ["text"],
  user: "u",
  safety_identifier: "s",
  service_tier: "auto",
  thinking: { type: "disabled" },
  cache_control: { type: "ephemeral" },
  output_config: { effort: "low" },
  metadata: { a: "b" },
};

test("the request with everything in it is converted", () => {
  toClaude(everything);
});

const places = pathsOf(everything);
const strange = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e308, "", " ", "x", [], {}, [[]], [null], {
    type: "text",
  }),
  fc.constantFrom<unknown>(
    JSON.parse('{"__proto__":{"type":"text"}}'),
    { constructor: 1, toString: null },
    { length: -1 },
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

test("wrong types anywhere are an invalid_request or harmless", () => {
  fc.assert(
    fc.property(fc.constantFrom(...places), strange, (path, value) => {
      onlyInvalidRequests(JSON.stringify(replaced(everything, path, value)));
    }),
    { numRuns: draws(3000) },
  );
});

test("strange members anywhere are an invalid_request or harmless", () => {
  const names = fc.constantFrom(
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "type",
    "content",
    "$ref",
    "x".repeat(1000),
  );
  fc.assert(
    fc.property(fc.constantFrom(...places), names, strange, (path, name, value) => {
      const member = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
      const target = valueAt(everything, path);
      if (typeof target !== "object" || target === null || Array.isArray(target)) return;
      const text = JSON.stringify(replaced(everything, path, { "@": 1, ...target })).replace('"@":1', member);
      onlyInvalidRequests(text);
    }),
    { numRuns: draws(1500) },
  );
});

test("any bytes at all are an invalid_request", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.uint8Array().map((bytes) => String(Buffer.from(bytes))),
      ),
      (text) => {
        onlyInvalidRequests(text);
        assert.throws(() => convert(text), RelayError);
      },
    ),
    { numRuns: draws(500) },
  );
});

test("no object of the process is touched by a __proto__ key", () => {
  const text = JSON.stringify(everything).replaceAll('"type":', '"__proto__":{"polluted":true},"type":');
  onlyInvalidRequests(text);
  assert.equal((Object.prototype as Json).polluted, undefined);
  assert.equal(([] as unknown as Json).polluted, undefined);
});

type Path = (string | number)[];

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const inner = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  const paths = inner.flatMap(([key, each]) => pathsOf(each, [...path, key]));
  return path.length === 0 ? paths : [path, ...paths];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], value);
}

function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as Json) }) as Record<
    string | number,
    unknown
  >;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}
