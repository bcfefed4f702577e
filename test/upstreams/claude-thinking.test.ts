import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { type Call, wholeBody } from "../../src/domain/call.ts";
import type { Failure } from "../../src/domain/failure.ts";
import { healSignatures } from "../../src/upstreams/claude-thinking.ts";
import { makeCall } from "./make-call.ts";

const refused: Failure = {
  kind: "rejected",
  status: 400,
  reason: "messages.1.content.0: Invalid `signature` in `thinking` block (invalid_request_error)",
};
const thinking = '{"type":"thinking","thinking":"a \\"} ] {","signature":"x"}';
const heal = (body: string, failure: Failure = refused, more: Partial<Call> = {}) => {
  const healed = healSignatures(makeCall({ body: Buffer.from(body), ...more }), failure);
  return healed && wholeBody(healed.body ?? []).toString();
};

test("thinking goes out of the assistant's messages alone, and every other byte stays", () => {
  const body = (content: string) =>
    `{ "x":"\\u00e9", "thinking":{"type":"adaptive"},"messages":[ {"role":"user","content":[${thinking}]},{"content" : ${content} ,"role":"assistant"}], "max_tokens":1e2}`;
  const text = '{"type": "text","text":"thinking"}';
  const healed = heal(body(`[${thinking}, ${text},{"type":"redacted_thinking","data":"x"}]`));
  assert.equal(healed, body(`[${text}]`).replace("[ {", "[{"));
});

test("a message of nothing else goes, and a budget with it where a tool's call has lost its thinking", () => {
  const tool = '{"type":"tool_use","id":"t","name":"n","input":{}}';
  const body = `{"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[${thinking}]},{"role":"assistant","content":[${thinking},${tool}]}]}`;
  assert.equal(
    heal(body),
    `{"thinking":{"type":"disabled"},"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[${tool}]}]}`,
  );
});

test("nothing is changed for another refusal, or where there is no thinking", () => {
  const body = `{"messages":[{"role":"assistant","content":[${thinking}]}]}`;
  assert.equal(
    heal(body, { kind: "rejected", status: 400, reason: "max_tokens: field required" }),
    undefined,
  );
  assert.equal(
    heal(body, { kind: "capacity", reason: "Invalid `signature` in `thinking` block" }),
    undefined,
  );
  assert.equal(heal('{"messages":[{"role":"user","content":"a"}]}'), undefined);
  assert.equal(heal("no JSON"), undefined);
});

test("a coded body goes on without its coding", () => {
  const plain = Buffer.from(`{"messages":[{"role":"assistant","content":[${thinking}]}]}`);
  const call = makeCall({
    body: gzipSync(plain),
    decodedBody: plain,
    headers: ["content-encoding", "gzip", "x", "y"],
  });
  const healed = healSignatures(call, refused)!;
  assert.deepEqual(healed.headers, ["x", "y"]);
  assert.equal(wholeBody(healed.body!).toString(), '{"messages":[]}');
});

test("what looks like Anthropic's own stays at first; what is refused all the same loses it too", () => {
  const own = '{"type":"thinking","thinking":"b","signature":"EqQBCkYIBxgCKkB="}';
  const sealed = '{"type":"redacted_thinking","data":"EmwKAhgBEgy3"}';
  const body = (...blocks: string[]) =>
    `{"messages":[{"role":"assistant","content":[${[...blocks, '{"type":"text","text":"a"}'].join(",")}]}]}`;
  const call = makeCall({ body: Buffer.from(body(own, thinking, sealed)) });
  const once = healSignatures(call, refused)!;
  assert.equal(wholeBody(once.body!).toString(), body(own, sealed));
  assert.deepEqual(once.warnings, ["thinking dropped"]);
  const twice = healSignatures(once, refused)!;
  assert.equal(wholeBody(twice.body!).toString(), body());
  assert.deepEqual(twice.warnings, ["thinking dropped"]);
  assert.equal(healSignatures(twice, refused), undefined);
  // Of another conversation, and Anthropic's own all the same: there is nothing else to take out.
  const bound: Failure = { ...refused, reason: "thinking is bound to a different conversation" };
  const others = healSignatures(makeCall({ body: Buffer.from(body(own)) }), bound)!;
  assert.equal(wholeBody(others.body!).toString(), body());
});
