// What decoding a request's body takes of the memory that all bodies share.

import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";
import { DecodeError } from "../../src/coding/decoded.ts";
import { bytesToDecode, decodeWithin } from "../../src/relay/decode-within.ts";
import { createMemoryBudget } from "../../src/relay/memory-budget.ts";
import { MemoryExhausted } from "../../src/relay/memory-share.ts";

const mebi = 1024 * 1024;
const encoders = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync };

function setUp(maxBytes: number) {
  const memory = createMemoryBudget(() => ({ maxBytes, maxWaitMs: 0 }));
  return { memory, share: memory.open(new AbortController().signal) };
}

for (const [encoding, copies] of [
  ["gzip", 1],
  ["br", 2],
  ["zstd", 2],
] as const) {
  test(`of a body in ${encoding} its result counts, and what its coding refers back to`, async () => {
    const { memory, share } = setUp(40 * mebi);
    const body = Buffer.alloc(4 * mebi);
    const coded = encoders[encoding](body);
    assert.ok((await decodeWithin(coded, { encoding, maxBytes: 5 * mebi, share })).equals(body));
    assert.ok(memory.takePeak() >= copies * body.length);
    assert.equal(share.bytes, body.length);
    share.release();
    assert.equal(memory.usedBytes, 0);
  });

  test(`a bomb in ${encoding} is refused within the memory that there is`, async () => {
    const { memory, share } = setUp(20 * mebi);
    const bomb = encoders[encoding](Buffer.alloc(32 * mebi));
    await assert.rejects(
      decodeWithin(bomb, { encoding, maxBytes: 64 * mebi, share }),
      (error: unknown) => error instanceof MemoryExhausted && error.isTooLarge,
    );
    assert.ok(memory.takePeak() <= 20 * mebi);
    assert.equal(share.bytes, 0);
  });
}

test("a bomb in br has the room of its window before it fills that, however little it may unfold to", async () => {
  const { memory, share } = setUp(64 * mebi);
  const bomb = brotliCompressSync(Buffer.alloc(32 * mebi), {
    params: { [constants.BROTLI_PARAM_LGWIN]: 24 },
  });
  await assert.rejects(decodeWithin(bomb, { encoding: "br", maxBytes: 1000, share }), DecodeError);
  assert.ok(memory.takePeak() >= 16 * mebi - 16, `${memory.takePeak()}`);
  assert.equal(memory.usedBytes, 0);
});

test("bodies that unfold to more than usual ones take turns, and each gets all the memory that the others' bodies leave", async () => {
  const memory = createMemoryBudget(() => ({ maxBytes: 16 * mebi, maxWaitMs: 10_000 }));
  const body = Buffer.alloc(15 * mebi);
  const coded = gzipSync(body);
  const decodeOne = async () => {
    const share = memory.open(new AbortController().signal);
    await share.begin(coded.length, bytesToDecode(coded.length, "gzip"));
    const decoded = await decodeWithin(coded, { encoding: "gzip", maxBytes: 64 * mebi, share });
    assert.equal(share.bytes, coded.length + body.length);
    share.release();
    return decoded.equals(body);
  };
  assert.deepEqual(
    await Promise.all(Array.from({ length: 6 }, decodeOne)),
    Array.from({ length: 6 }, () => true),
  );
  assert.ok(memory.takePeak() <= 16 * mebi);
  assert.equal(memory.usedBytes, 0);
});

test("the turn includes what is needed to go on with the body", async () => {
  const { share } = setUp(40 * mebi);
  const body = gzipSync(Buffer.alloc(15 * mebi));
  const bytesAhead = (length: number) => length + 1;
  await decodeWithin(body, { encoding: "gzip", maxBytes: 64 * mebi, share, bytesAhead });
  assert.deepEqual([share.bytes, share.aheadBytes], [15 * mebi, 15 * mebi + 1]);
});

test("the turn ends with a body that cannot be decoded", async () => {
  const memory = createMemoryBudget(() => ({ maxBytes: 40 * mebi, maxWaitMs: 0 }));
  const coded = gzipSync(Buffer.alloc(15 * mebi));
  const shareOf = () => memory.open(new AbortController().signal);
  const broken = Buffer.concat([coded.subarray(0, -8), Buffer.alloc(8, 1)]);
  const first = { encoding: "gzip", maxBytes: 64 * mebi, share: shareOf() };
  await assert.rejects(decodeWithin(broken, first), DecodeError);
  await decodeWithin(coded, { encoding: "gzip", maxBytes: 64 * mebi, share: shareOf() });
});
