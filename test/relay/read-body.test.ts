// Bodies that come too slowly, and bodies that share too little memory.

import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { type TestContext, test } from "node:test";
import { wholeBody } from "../../src/domain/call.ts";
import { createMemoryBudget } from "../../src/relay/memory-budget.ts";
import { MemoryExhausted } from "../../src/relay/memory-share.ts";
import { type BodyLimits, readBody } from "../../src/relay/read-body.ts";
import { systemTimers } from "../../src/time/timers.ts";

const kibi = 1024;

function setUp(t: TestContext, { maxBytes = 10_000_000, maxWaitMs = 20, mayBeConverted = false } = {}) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const memory = createMemoryBudget(() => ({ maxBytes, maxWaitMs }));
  const { signal } = new AbortController();
  const read = (body: PassThrough, headers: Record<string, string> = { "transfer-encoding": "chunked" }) => {
    const limits: BodyLimits = {
      maxBytes: 1_000_000,
      stallMs: 30_000,
      stallBytes: 64 * kibi,
      share: memory.open(signal),
      signal,
      timers: systemTimers,
      mayBeConverted,
    };
    return readBody({ method: "POST", headers, rawHeaders: [], body }, limits);
  };
  return { memory, read };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a byte every 5 s is dropped after 30 s", async (t) => {
  const { read } = setUp(t);
  const body = new PassThrough();
  const reading = read(body, { "content-length": "1000" });
  const refused = assert.rejects(reading, { code: "body_timeout" });
  for (let second = 0; second < 30; second += 5) {
    body.write("x");
    await turn();
    t.mock.timers.tick(5000);
  }
  await refused;
});

test("64 KiB in 30 s are enough, for as long as it takes", async (t) => {
  const { read } = setUp(t);
  const body = new PassThrough();
  const reading = read(body);
  for (let round = 0; round < 10; round++) {
    body.write(Buffer.alloc(64 * kibi));
    await turn();
    t.mock.timers.tick(30_000);
  }
  body.end("end");
  assert.equal(wholeBody((await reading)!).length, 640 * kibi + 3);
});

test("a small body that is whole is not concerned", async (t) => {
  const { read } = setUp(t);
  const body = new PassThrough();
  const reading = read(body);
  body.end("{}");
  assert.equal(String(wholeBody((await reading)!)), "{}");
  t.mock.timers.tick(60_000);
});

test("an announced size that memory has no room for waits before anything is read, then is refused", async (t) => {
  const { memory, read } = setUp(t, { maxBytes: 1000 });
  memory.open(new AbortController().signal).grow(600);
  const body = new PassThrough();
  body.write("x");
  await assert.rejects(
    read(body, { "content-length": "500" }),
    (error) => error instanceof MemoryExhausted && !error.isTooLarge,
  );
  assert.equal(memory.usedBytes, 600);
});

test("a body of unknown size pauses while there is no room, and goes on when there is", async (t) => {
  const { memory, read } = setUp(t, { maxBytes: 1000, maxWaitMs: 10_000 });
  const other = memory.open(new AbortController().signal);
  other.grow(600);
  const body = new PassThrough();
  const reading = read(body);
  body.write(Buffer.alloc(500));
  await turn();
  assert.equal(body.isPaused(), true);
  // Nothing can come while the relay itself does not read.
  t.mock.timers.tick(60_000);
  other.release();
  body.end("end");
  assert.equal(wholeBody((await reading)!).length, 503);
});

test("a large body whose size is announced comes in one piece, and what it came in is given back at once", async (t) => {
  const { memory } = setUp(t);
  const { signal } = new AbortController();
  const pieces = Array.from({ length: 8 }, (_, index) => Buffer.alloc(64 * kibi, index));
  const expected = Buffer.concat(pieces);
  const headers = { "content-length": String(expected.length) };
  const limits = {
    maxBytes: 1_000_000,
    stallMs: 30_000,
    stallBytes: 64 * kibi,
    signal,
    timers: systemTimers,
  };
  for (const givesPieces of [false, true]) {
    const source = { method: "POST", headers, rawHeaders: [], body: Readable.from(pieces), givesPieces };
    const body = await readBody(source, { ...limits, share: memory.open(signal) });
    assert.ok(Buffer.isBuffer(body) && body.equals(expected));
    assert.equal(pieces[0]?.length, givesPieces ? 0 : 64 * kibi);
  }
});

for (const [size, usedBytes, mayBeConverted, isOfPages] of [
  [200 * kibi, 0, false, false],
  [200 * kibi, 0, true, false],
  [200 * kibi, 9_000_000, false, true],
  [800 * kibi, 9_000_000, false, false],
  [800 * kibi, 40_000_000, false, true],
  [800 * kibi, 0, true, true],
] as const) {
  test(`a ${mayBeConverted ? "chat's " : ""}body of ${size / kibi} KB beside ${usedBytes / 1e6} MB is ${isOfPages ? "" : "not "}kept in pages that go back to the system`, async (t) => {
    const { memory, read } = setUp(t, { maxBytes: 50_000_000, mayBeConverted });
    memory.open(new AbortController().signal).grow(usedBytes);
    const body = new PassThrough();
    const reading = read(body, { "content-length": String(size) });
    const parts = [0, 1, 2, 3].map((round) => Buffer.alloc(size / 4, round));
    for (const part of parts) body.write(part);
    body.end();
    const received = (await reading)!;
    assert.ok(wholeBody(received).equals(Buffer.concat(parts)));
    const { buffer } = Buffer.isBuffer(received) ? received : received[0]!;
    assert.equal(buffer instanceof ArrayBuffer && buffer.resizable, isOfPages);
  });
}
