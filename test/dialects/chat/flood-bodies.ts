// Chat requests made to cost time or memory, and whether each can be converted.

import type { Json } from "./support.ts";

const deep = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth);

export type Flood = readonly [title: string, body: () => string, converts: boolean];

/** @param part of the size that the title says, between 0 and 1. */
export function floodsOf(part: number): readonly Flood[] {
  const some = (count: number) => Math.ceil(count * part);
  const big = "x".repeat(some(10_000_000));
  return [
    ["10 MB of text", () => ask({ content: big }), true],
    ["10 MB of blanks", () => ask({ content: " ".repeat(some(10_000_000)) }), false],
    [
      "a 10 MB image",
      () => ask({ content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${big}` } }] }),
      true,
    ],
    [
      "a 10 MB image that is none",
      () => ask({ content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${big}*` } }] }),
      false,
    ],
    ["a 10 MB URL", () => ask({ content: [{ type: "image_url", image_url: { url: `x${big}` } }] }), false],
    ["a 10 MB model", () => JSON.stringify({ model: big, messages: [{ role: "user", content: "q" }] }), true],
    ["a 10 MB role", () => ask({ role: big }), false],
    ["a 10 MB user", () => ask({}, { user: "_account_".repeat(some(1_000_000)) }), true],
    ["a 10 MB parameter name", () => ask({}, { [big]: 1 }), true],
    ["a 10 MB tool name", () => ask({}, { tools: [{ type: "function", function: { name: big } }] }), true],
    [
      "100,000 messages",
      () => talk(Array.from({ length: some(100_000) }, () => ({ role: "user", content: "q" }))),
      true,
    ],
    [
      "300,000 parts",
      () => ask({ content: Array.from({ length: some(300_000) }, () => ({ type: "text", text: "q" })) }),
      true,
    ],
    [
      "100,000 parameters",
      () =>
        ask({}, Object.fromEntries(Array.from({ length: some(100_000) }, (_, index) => [`p${index}`, 1]))),
      true,
    ],
    [
      "300,000 short parameters",
      () => {
        const members = Array.from({ length: some(300_000) }, (_, index) => `"p${index}":1`);
        return `{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"q"}],${members.join()}}`;
      },
      true,
    ],
    [
      "2 million empty lists",
      () => ask({}, { x: "@" }).replace('"@"', `[${"[],".repeat(some(2_000_000))}1]`),
      true,
    ],
    [
      "20,000 calls with one id",
      () =>
        talk([
          { role: "user", content: "q" },
          {
            role: "assistant",
            tool_calls: Array.from({ length: some(20_000) }, () => ({ id: "a:b", function: { name: "x" } })),
          },
          ...Array.from({ length: some(20_000) }, () => ({
            role: "tool",
            tool_call_id: "a:b",
            content: "1",
          })),
        ]),
      true,
    ],
    [
      "20,000 allowed tools",
      () => {
        const many = Array.from({ length: some(20_000) }, (_, index) => ({
          type: "function",
          function: { name: `t${index}` },
        }));
        return ask({}, { tools: many, tool_choice: { type: "allowed_tools", mode: "auto", tools: many } });
      },
      true,
    ],
    ["5 million brackets", () => deep("[", "]", some(5_000_000)), false],
    ["5 million brackets without end", () => "[".repeat(some(5_000_000)), false],
    ["a schema 150 deep", () => schema(deep('{"items":', "}", 70).replace(":}", ":{}}")), true],
    [
      "a schema 100,000 deep",
      () => schema(deep('{"items":', "}", some(100_000)).replace(":}", ":{}}")),
      false,
    ],
    [
      "arguments 100,000 deep",
      () =>
        talk([
          { role: "user", content: "q" },
          {
            role: "assistant",
            tool_calls: [
              {
                id: "c1",
                function: { name: "x", arguments: deep('{"a":', "}", some(100_000)).replace(":}", ":1}") },
              },
            ],
          },
          { role: "tool", tool_call_id: "c1", content: "1" },
        ]),
      true,
    ],
  ];
}

export const floods = floodsOf(1);

function ask(message: Json, rest: Json = {}): string {
  return talk([{ role: "user", content: "q", ...message }], rest);
}

function talk(messages: unknown[], rest: Json = {}): string {
  return JSON.stringify({ model: "claude-sonnet-4-5", messages, ...rest });
}

function schema(text: string): string {
  return ask(
    {},
    { response_format: { type: "json_schema", json_schema: { name: "x", schema: "@" } } },
  ).replace('"@"', text);
}
