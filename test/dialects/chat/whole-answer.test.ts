// Large answers without a stream: they are converted in a thread, and come out as small ones do.

import assert from "node:assert/strict";
import test from "node:test";
import { RelayError } from "../../../src/domain/errors.ts";
import { claudeMessage, convert, goodHead, type Json, readSse, request, sse } from "./support.ts";

const text = "größer 😀 ".repeat(40_000);

function cut(bytes: Buffer, length: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, at) =>
    bytes.subarray(at * length, (at + 1) * length),
  );
}

async function through(bytes: Buffer): Promise<Json> {
  const transform = convert(request()).answer(goodHead);
  const pieces = cut(bytes, 30_011).map((piece) => transform.push(piece));
  return JSON.parse(String(Buffer.concat([...pieces, await transform.end()])));
}

function contentOf({ choices }: Json): unknown {
  return (choices as { message: Json }[])[0]?.message.content;
}

const events = (deltas: Json[]) => [
  { type: "message_start", message: claudeMessage({ content: [] }) },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  ...deltas,
  { type: "content_block_stop", index: 0 },
  { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 5 } },
  { type: "message_stop" },
];
const delta = (piece: string) => ({
  type: "content_block_delta",
  index: 0,
  delta: { type: "text_delta", text: piece },
});

test("a large document and a large stream become one chat completion", async () => {
  const document = Buffer.from(JSON.stringify(claudeMessage({ content: [{ type: "text", text }] })));
  const stream = Buffer.from(sse(...events(text.match(/.{1,1000}/gu)!.map(delta))));
  for (const answer of [await through(document), await through(stream)]) {
    assert.equal(contentOf(answer), text);
    assert.deepEqual([answer.id, (answer.usage as Json).completion_tokens], ["chatcmpl-msg_1", 5]);
  }
});

test("a large document in place of a stream is converted in the thread, too", async () => {
  const document = Buffer.from(
    `\ufeff\n${JSON.stringify(claudeMessage({ content: [{ type: "text", text }] }))}`,
  );
  const transform = convert(request({ stream: true })).answer(goodHead);
  // Cut within the byte order mark.
  const pieces = [document.subarray(0, 1), ...cut(document.subarray(1), 30_011)];
  const before = Buffer.concat(pieces.map((piece) => transform.push(piece)));
  const end = transform.end();
  assert.ok(end instanceof Promise);
  const chunks = readSse(Buffer.concat([before, await end])) as { choices: { delta: Json }[] }[];
  assert.equal(chunks.at(-1), "[DONE]");
  assert.equal(
    chunks
      .slice(0, -1)
      .map(({ choices: [choice] }) => choice?.delta.content ?? "")
      .join(""),
    text,
  );
});

test("a large answer whose last chunk is empty has an end", { timeout: 10_000 }, async () => {
  const document = Buffer.from(JSON.stringify(claudeMessage({ content: [{ type: "text", text }] })));
  const transform = convert(request()).answer(goodHead);
  transform.push(document);
  transform.push(Buffer.alloc(0));
  assert.equal(contentOf(JSON.parse(String(await transform.end()))), text);
});

test("a large answer that is truncated or ends with an error is not passed on", async () => {
  const document = Buffer.from(JSON.stringify(claudeMessage({ content: [{ type: "text", text }] })));
  await assert.rejects(through(document.subarray(0, -1)), (error: unknown) => {
    assert.ok(error instanceof RelayError);
    assert.equal(error.code, "upstream_unreachable");
    return /please retry your request/.test(error.message);
  });
  const overloaded = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
  await assert.rejects(through(Buffer.from(sse(...events([delta(text), overloaded])))), /Overloaded/);
  await assert.rejects(through(Buffer.from(sse(...events([delta(text)])).slice(0, -40))), /retry/);
});

test("what follows a small answer's end is nobody's, however much it is", async () => {
  const bytes = Buffer.from(`${sse(...events([delta("Hello")]))}${": more\n".repeat(50_000)}`);
  assert.equal(contentOf(await through(bytes)), "Hello");
});
