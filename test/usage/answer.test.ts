// What an observer of any family keeps of an answer while it comes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { observeGemini } from "../../src/usage/gemini.ts";

test("of an answer with a picture of 8 MB a megabyte is kept, and its usage is read", () => {
  const answer = Buffer.from(
    JSON.stringify({
      candidates: [
        { content: { parts: [{ inlineData: { data: "A".repeat(8 * 1024 * 1024) } }] }, finishReason: "STOP" },
      ],
      usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 1290 },
    }),
  );
  const observer = observeGemini({ wrapped: false });
  let mostBytes = 0;
  for (let at = 0; at < answer.length; at += 65_000) {
    observer.push(answer.subarray(at, at + 65_000));
    mostBytes = Math.max(mostBytes, observer.heldBytes ?? 0);
  }
  observer.end();
  assert.ok(mostBytes <= 1.1 * 1024 * 1024, `${mostBytes} bytes`);
  const { tokens } = observer.report;
  assert.deepEqual([observer.complete, tokens.input, tokens.output], [true, 7, 1290]);
});
