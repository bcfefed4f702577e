import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { observeChat } from "../../src/usage/chat.ts";
import { assertReads, blank, openings, type Reading, readAll } from "./reading.ts";

const choices = { marks: [{ member: "choices" }] };
const observe = () => observeChat(choices);

const base = {
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  model: "gpt-6.2-sol",
  service_tier: "default",
};
const data = (value: unknown) => `data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
const chunk = (delta: object, finish_reason: string | null = null, rest: object = {}) =>
  data({ ...base, choices: [{ index: 0, delta, logprobs: null, finish_reason }], ...rest });
const usage = {
  prompt_tokens: 1000,
  prompt_tokens_details: { cached_tokens: 600, cache_write_tokens: 150 },
  completion_tokens: 80,
  completion_tokens_details: { reasoning_tokens: 30 },
  total_tokens: 1080,
};
const tokens = { input: 250, output: 80, cacheWrite5m: 150, cacheWrite1h: 0, cacheRead: 600, reasoning: 30 };
const role = chunk({ role: "assistant", content: "", refusal: null }, null, { usage: null });
const text = chunk({ content: 'größer 😀, say "usage": {"prompt_tokens": 1}' }, null, { usage: null });
const stop = chunk({}, "stop", { usage: null });
const figures = data({ ...base, choices: [], usage });
const done = data("[DONE]");

const begun: Reading = { ...blank, model: "gpt-6.2-sol" };
const known: Reading = { ...begun, reported: true, tokens };
const error = { error: { message: "Overloaded", code: "server_is_overloaded" } };

describe("observeChat", () => {
  const answers: Record<string, [answer: string, expected: Reading]> = {
    "a stream with its figures": [role + text + stop + figures + done, known],
    "a stream that was not asked for them": [role + text + stop + done, begun],
    "figures beside the last words, as some hosts have them": [
      role + text + chunk({}, "stop", { usage }) + done,
      known,
    ],
    "comments while it waits": [`: OPENROUTER PROCESSING\n\n${role}${text}${stop}${figures}${done}`, known],
    "a stream without its end": [role + text + stop + figures, { ...known, complete: false }],
    "an error after words": [role + text + data(error), { ...begun, complete: false, lateError: error }],
    "an error instead of words": [
      role + data(error) + done,
      { ...begun, opening: { kind: "error", event: error } },
    ],
    "another tier": [
      chunk({ content: "a" }, null, { service_tier: "priority" }) + done,
      { ...begun, tier: "priority" },
    ],
    "DeepSeek's figures": [
      chunk({ content: "a" }) +
        data({
          ...base,
          choices: [],
          usage: { prompt_tokens: 10, completion_tokens: 2, prompt_cache_hit_tokens: 4 },
        }) +
        done,
      { ...known, tokens: { ...tokens, input: 6, output: 2, cacheRead: 4, cacheWrite5m: 0, reasoning: 0 } },
    ],
    "a document": [JSON.stringify({ ...base, object: "chat.completion", choices: [{}], usage }), known],
    "an error as a document": [
      JSON.stringify(error),
      { ...blank, complete: true, opening: { kind: "error", event: error } },
    ],
  };
  for (const [title, [answer, expected]] of Object.entries(answers)) {
    it(`reads ${title}, at every cut`, () => assertReads(observe, answer, expected));
  }

  it("takes the role alone for no answer yet", () => {
    const opening = openings(observe(), role + text);
    assert.match(opening, /^pending \d+, content 1$|pending.*content/);
    assert.equal(readAll(observe(), [Buffer.from(role)]).opening.kind, "pending");
    const call = chunk({ tool_calls: [{ index: 0, function: { name: "get", arguments: "" } }] });
    assert.equal(readAll(observe(), [Buffer.from(call)]).opening.kind, "content");
  });

  it("knows the answers of other APIs for none", () => {
    const foreign = [
      data({ type: "message_start", message: {} }),
      JSON.stringify({ type: "message", content: [] }),
      JSON.stringify({ object: "response", output: [] }),
    ];
    for (const answer of foreign) {
      assert.equal(readAll(observe(), [Buffer.from(answer)]).opening.kind, "foreign", answer);
    }
  });
});
