import assert from "node:assert/strict";
import { test } from "node:test";
import { joinLargeBody } from "../../src/relay/join-body.ts";

const mebi = 1024 * 1024;
const pieces = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, index) => Buffer.alloc(bytes, index % 251));

test("a large body comes together whole, and others have their turn meanwhile", async () => {
  const body = pieces(200, 99_991);
  let turns = 0;
  let running = true;
  const count = () => {
    turns++;
    if (running) setImmediate(count);
  };
  setImmediate(count);
  const joined = await joinLargeBody(body);
  running = false;
  assert.ok(Buffer.isBuffer(joined) && joined.equals(Buffer.concat(body)));
  assert.ok(turns >= 15, `${turns} turns`);
});

test("what is small, or in one piece, stays as it is", async () => {
  for (const body of [Buffer.alloc(20 * mebi), pieces(4, mebi), [], Buffer.alloc(0)]) {
    assert.equal(await joinLargeBody(body), body);
  }
});
