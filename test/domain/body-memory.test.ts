// The memory of request bodies that is given back by hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createBodyMemory, freeBuffer } from "../../src/domain/body-memory.ts";

const large = 256 * 1024;

test("a large body is given back at once, a small one is left alone", () => {
  const memory = createBodyMemory();
  const [one, two, small] = [Buffer.alloc(large), Buffer.alloc(large), Buffer.alloc(large - 1)];
  for (const each of [one, two, one, small]) memory.own(each);
  memory.free();
  assert.deepEqual(
    [one, two, small].map(({ length }) => length),
    [0, 0, large - 1],
  );
});

test("what a connection still reads stays until it has taken everything", () => {
  const memory = createBodyMemory();
  const body = Buffer.alloc(large);
  memory.own(body);
  const [first, second] = [memory.send(), memory.send()];
  memory.free();
  first?.();
  first?.();
  assert.equal(body.length, large);
  second?.();
  assert.equal(body.length, 0);
});

test("a body that may be sent again stays, though a connection has taken it", () => {
  const memory = createBodyMemory();
  const body = Buffer.alloc(large);
  memory.own(body);
  memory.send()?.();
  assert.equal(body.length, large);
});

test("where nothing is to be given back no connection has to say when it is done", () => {
  const memory = createBodyMemory();
  memory.own(Buffer.alloc(10));
  assert.equal(memory.send(), undefined);
});

test("memory that others use too is not given back", () => {
  const whole = new ArrayBuffer(2 * large);
  const part = Buffer.from(whole, 0, large);
  freeBuffer(part);
  assert.equal(part.length, large);
  const shared = Buffer.from(new SharedArrayBuffer(large));
  freeBuffer(shared);
  assert.equal(shared.length, large);
});

test("memory that can be resized is given back, too, also of a smaller body", () => {
  const bodies = [large, 1000].map((size) =>
    Buffer.from(new ArrayBuffer(size, { maxByteLength: size }), 0, size),
  );
  const memory = createBodyMemory();
  for (const body of bodies) memory.own(body);
  memory.free();
  assert.deepEqual(
    bodies.map(({ length }) => length),
    [0, 0],
  );
});
