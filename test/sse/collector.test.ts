import assert from "node:assert/strict";
import { test } from "node:test";
import { createCollector } from "../../src/sse/collector.ts";

const mebi = 1024 * 1024;
const piece = Buffer.from(Array.from({ length: 100_003 }, (_, at) => at & 0xff));

test("what is large grows in its place, and has the bytes of all pieces", () => {
  const collector = createCollector(8 * mebi);
  const pieces = Array.from({ length: 40 }, () => piece);
  for (const each of pieces) {
    assert.equal(collector.add(each, 0, each.length), true);
    collector.keep();
  }
  const taken = collector.take();
  assert.ok(taken.equals(Buffer.concat(pieces)));
  // Copying megabytes at once would hold everybody up.
  assert.equal(taken.buffer instanceof ArrayBuffer && taken.buffer.resizable, true);
  assert.equal(collector.heldBytes, 0);
});

test("what is beyond the bound is forgotten, and the next begins anew", () => {
  const collector = createCollector(mebi);
  let added = 0;
  while (collector.add(piece, 0, piece.length)) {
    collector.keep();
    added++;
  }
  assert.equal(added, 10);
  assert.deepEqual([collector.heldBytes, collector.take().length], [0, 0]);
  const larger = Buffer.alloc(mebi + 1, "y");
  assert.equal(collector.add(larger, 0, larger.length), false);
  assert.equal(collector.add(piece, 0, 10), true);
  assert.ok(collector.take().equals(piece.subarray(0, 10)));
});
