import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeaderMap } from "../../src/domain/call.ts";
import { bindingId } from "../../src/domain/call.ts";
import { codex, read, session, uuid } from "./reading.ts";

test("a Codex request is read as it is", () => {
  assert.deepEqual(read("/openai/v1/responses", { body: codex() }), {
    model: "gpt-5.6",
    stream: true,
    streamForm: "sse",
    session: uuid,
    binding: undefined,
    headerBudgetMs: undefined,
  });
  assert.equal(read("/v1/responses/compact", { body: codex() }).stream, false);
});

test("an OpenAI conversation is known by thread id, else by its opening text", () => {
  const anonymous = codex({ prompt_cache_key: undefined });
  assert.equal(session("/v1/responses", { headers: { "thread-id": "t" }, body: anonymous }), "t");
  assert.equal(session("/v1/responses", { headers: { conversation_id: "c" }, body: anonymous }), "c");
  assert.equal(session("/v1/responses", { headers: { "thread-id": "t" }, body: codex() }), uuid);
  const text = session("/v1/responses", { body: anonymous });
  assert.match(text ?? "", /^text:/);
  const later = {
    ...anonymous,
    input: [...anonymous.input, { role: "assistant", content: "hi" }, { role: "user", content: "x" }],
  };
  assert.equal(session("/v1/responses", { body: later }), text);
  assert.notEqual(session("/v1/responses", { body: { ...anonymous, instructions: "Be short." } }), text);
  const plain = session("/v1/responses", { body: { input: "Say hi" } });
  assert.equal(session("/v1/responses", { body: { input: [{ role: "user", content: "Say hi" }] } }), plain);
  assert.equal(
    session("/v1/responses", { body: { input: "more", previous_response_id: "resp_1" } }),
    undefined,
  );
});

test("OpenAI requests bind to what only one account has, the strongest tie first", () => {
  const binding = (body: object, headers: HeaderMap = {}) => read("/v1/responses", { headers, body }).binding;
  const long = "gAAAAAB".repeat(400);
  const reasoning = (value: unknown) => ({
    type: "reasoning",
    id: "rs_1",
    summary: [],
    encrypted_content: value,
  });
  const input = [
    reasoning(null),
    reasoning(long),
    reasoning("later"),
    { type: "input_file", file_id: "file-9" },
  ];
  const everything = codex({ input, previous_response_id: "resp_7", conversation: "conv_1" });
  const turn = { "x-codex-turn-state": "turn-token".repeat(50) };
  assert.deepEqual(binding(everything, turn), { kind: "response", id: "resp_7" });
  assert.deepEqual(binding({ ...everything, previous_response_id: null }, turn), {
    kind: "turn",
    id: "turn-token".repeat(50),
    header: "x-codex-turn-state",
  });
  assert.deepEqual(binding(codex({ input, conversation: "conv_1" })), {
    kind: "encrypted",
    id: bindingId(long),
  });
  assert.ok(bindingId(long).length < 60);
  assert.deepEqual(binding(codex({ conversation: { id: "conv_1" } })), {
    kind: "file",
    id: "conv_1",
  });
  assert.deepEqual(binding(codex({ input: input.slice(3) })), {
    kind: "file",
    id: "file-9",
  });
  const tools = [{ type: "code_interpreter", container: "cntr_5" }];
  assert.deepEqual(binding(codex({ tools })), { kind: "file", id: "cntr_5" });
  assert.equal(
    binding(codex({ tools: [{ type: "code_interpreter", container: { type: "auto" } }] })),
    undefined,
  );
});

test("a stored response's own routes bind to it, streamed where the query asks", () => {
  const binding = { kind: "response", id: "resp_1" };
  const get = read("/v1/responses/resp_1?stream=true&starting_after=3", { method: "GET" });
  assert.deepEqual({ binding: get.binding, stream: get.stream }, { binding, stream: true });
  assert.deepEqual(read("/openai/v1/responses/resp_1", { method: "DELETE" }).binding, binding);
  assert.deepEqual(read("/v1/responses/resp%5F1/cancel").binding, binding);
  const items = read("/v1/responses/resp_1/input_items?stream=false", { method: "GET" });
  assert.deepEqual({ binding: items.binding, stream: items.stream }, { binding, stream: false });
});
