import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { displayWidth, wrap } from "../../src/terminal/width.ts";

describe("wrapping", () => {
  it("breaks between words, and cuts a word that no line can hold", () => {
    assert.deepEqual(wrap("the limit is used up", 9), ["the limit", "is used", "up"]);
    assert.deepEqual(wrap("see https://example.com now", 10), ["see", "https://e…", "now"]);
    assert.deepEqual(wrap("see https://example.com now", 10, false), ["see", "https:/...", "now"]);
    assert.deepEqual(wrap("日本語 です", 7), ["日本語", "です"]);
    assert.deepEqual(wrap("", 10), [""]);
  });

  it("never makes a line wider than it may be", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 4, max: 40 }), (text, width) => {
        for (const line of wrap(text, width)) assert.ok(displayWidth(line) <= width);
      }),
    );
  });
});
