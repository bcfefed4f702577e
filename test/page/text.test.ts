// Figures and times as the page writes them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rowName, span } from "../../src/page/text.ts";

test("how long something took is never rounded to a thousand milliseconds or sixty seconds", () => {
  const table: [ms: number | null, text: string][] = [
    [null, "–"],
    [0, "0 ms"],
    [640.4, "640 ms"],
    [999.7, "1.0 s"],
    [4240, "4.2 s"],
    [59_980, "1m"],
    [192_000, "3m 12s"],
  ];
  for (const [ms, text] of table) assert.equal(span(ms), text);
});

test("a model is shown with the name that was sent in its place", () => {
  assert.equal(rowName({ key: "claude-opus-5-5" }), "claude-opus-5-5");
  assert.equal(
    rowName({ key: "claude-opus-5-5", sent_model: "glm\u202e-5.2" }),
    "claude-opus-5-5 as glm\ufffd-5.2",
  );
});
