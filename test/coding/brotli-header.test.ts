// How much a brotli stream unfolds before any of it comes out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, constants } from "node:zlib";
import { brotliBytesAhead } from "../../src/coding/brotli-header.ts";
import { createDecoder } from "../../src/coding/decoder.ts";

const mebi = 1024 * 1024;

function compress(body: Buffer, windowBits = 22): Buffer {
  return brotliCompressSync(body, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_LGWIN]: windowBits },
  });
}

test("a small answer needs its own length, whatever its window could be", () => {
  for (let windowBits = 10; windowBits <= 24; windowBits++)
    assert.equal(brotliBytesAhead(compress(Buffer.alloc(700, "ab"), windowBits)), 700);
});

test("what unfolds to more needs the whole window", () => {
  for (let windowBits = 10; windowBits <= 24; windowBits++) {
    const bomb = compress(Buffer.alloc(40 * mebi, "x"), windowBits);
    assert.equal(brotliBytesAhead(bomb), 2 ** windowBits - 16);
  }
});

test("an answer without a byte needs nothing", () => {
  assert.equal(brotliBytesAhead(compress(Buffer.alloc(0))), 0);
});

test("a window has its room before it is filled, also behind another coding and in single bytes", async () => {
  const bomb = compress(Buffer.alloc(3 * mebi, "x"), 24);
  let taken = 0;
  const asked: [heldMb: number, taken: number][] = [];
  const decoder = createDecoder({
    codings: ["br", "br"],
    limits: { maxPieceBytes: 4 * mebi, maxTotalBytes: () => 4 * mebi },
    makeRoom: () => void asked.push([Math.floor(decoder.heldBytes / mebi), taken]),
  });
  for (const byte of compress(bomb)) {
    await decoder.write(Buffer.from([byte]), (slice) => {
      taken += slice.length;
    });
  }
  await decoder.end(() => {});
  assert.deepEqual(asked, [
    [0, 0],
    [3, 0],
  ]);
  assert.equal(taken, 3 * mebi);
  decoder.destroy();
  assert.equal(decoder.heldBytes, 0);
});
