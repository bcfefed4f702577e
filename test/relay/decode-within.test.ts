// What decoding a request's body takes of the memory that all bodies share.

import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";
import { DecodeError } from "../../src/coding/decoded.ts";
import { decodeWithin } from "../../src/relay/decode-within.ts";
import { createMemoryBudget } from "../../src/relay/memory-budget.ts";

const mebi = 1024 * 1024;
const encoders = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync };

function setUp(maxBytes: number) {
  const memory = createMemoryBudget(() => ({ maxBytes, maxWaitMs: 0 }));
  return { memory, share: memory.open(new AbortController().signal) };
}

for (const [encoding, copies] of [
  ["gzip", 2],
  ["br", 3],
  ["zstd", 3],
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
      (error: unknown) => error instanceof DecodeError && error.reason === "too-large",
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
