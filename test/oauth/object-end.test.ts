import assert from "node:assert/strict";
import { test } from "node:test";
import { createObjectEnd } from "../../src/oauth/small-answer.ts";
import { threadTime } from "../support/thread-time.ts";

test("the end of an object is found once, however it is split, and not inside of strings", () => {
  const text = '{"a":"}{\\"}","b":{"c":"\\\\"}} {}';
  const whole = text.indexOf(" ");
  for (const size of [1, 2, 3, 7, 100]) {
    const end = createObjectEnd();
    const ends: number[] = [];
    for (let at = 0; at < text.length; at += size) {
      if (end.push(Buffer.from(text.slice(at, at + size)))) ends.push(at);
    }
    assert.equal(ends.length, 1);
    assert.ok(ends[0]! < whole && ends[0]! + size >= whole);
  }
});

test("a mebibyte of objects in single bytes is looked at once", () => {
  const piece = Buffer.from("}");
  const open = Buffer.from("{");
  const end = createObjectEnd();
  const begun = threadTime();
  let ended = 0;
  for (let at = 0; at < 524_288; at++) {
    if (end.push(open)) ended++;
    if (end.push(piece)) ended++;
  }
  assert.equal(ended, 1);
  assert.ok(threadTime() - begun < 1000);
});
