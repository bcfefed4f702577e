import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { displayWidth, truncate, wrap } from "../../src/terminal/width.ts";

describe("the columns of a text", () => {
  const cases: [text: string, columns: number][] = [
    ["", 0],
    ["plain", 5],
    ["日本語", 6],
    ["한국어", 6],
    ["\u1112\u1161\u11ab", 2],
    ["ｶﾀｶﾅ", 4],
    ["ＡＢ", 4],
    ["e\u0301e\u0301", 2],
    ["\u200b\u00ad", 0],
    ["😀😀", 4],
    ["👍🏽", 2],
    ["🏽", 2],
    ["👨‍👩‍👧‍👦 x", 4],
    ["🇩🇪🇫🇷", 4],
    ["🇩🇪🇫", 4],
    ["❤️", 2],
    ["❤", 1],
    ["1️⃣", 2],
    ["© ®", 3],
    ["Ünïcödé …✓", 10],
  ];
  for (const [text, columns] of cases) {
    it(`are ${columns} of ${JSON.stringify(text)}`, () => assert.equal(displayWidth(text), columns));
  }

  it("are shortened between characters, never inside one", () => {
    assert.equal(truncate("👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 5), "👨‍👩‍👧‍👦👨‍👩‍👧‍👦…");
    assert.equal(truncate("e\u0301e\u0301e\u0301", 2), "e\u0301…");
    assert.equal(truncate("🇩🇪🇫🇷🇮🇹", 4), "🇩🇪…");
    assert.equal(truncate("❤️❤️❤️", 4), "❤️…");
  });
});

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
