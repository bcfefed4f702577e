// Events as text, wherever the pieces end, and one that is too large passed over.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createBoundedEvents } from "../../../src/dialects/chat/bounded-events.ts";

/** What is read of a stream that comes in pieces of so many bytes, and the most that is held between two of them. */
function read(text: string, pieceBytes: number, maxLength = 1000) {
  const seen: string[] = [];
  const events = createBoundedEvents({
    maxLength,
    onEvent: (name, data) => void seen.push(`${name}|${data}`),
    onOversized: (beginning) => void seen.push(`too large: ${JSON.stringify(beginning.slice(0, 30))}`),
  });
  const bytes = Buffer.from(text);
  let mostHeld = 0;
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    events.feed(bytes.subarray(at, at + pieceBytes));
    mostHeld = Math.max(mostHeld, events.heldBytes);
  }
  events.end();
  return { seen, mostHeld };
}

for (const [ends, newLine] of [
  ["line feeds", "\n"],
  ["carriage returns and line feeds", "\r\n"],
  ["carriage returns", "\r"],
] as const) {
  test(`an event that is too large is passed over wherever pieces end, with ${ends}`, () => {
    const event = (name: string, data: string) => `event: ${name}${newLine}data: ${data}${newLine}${newLine}`;
    const text = event("a", "é😀") + event("large", "x".repeat(3000)) + event("b", "2") + event("c", "3");
    const large = `too large: ${JSON.stringify(event("large", "x".repeat(30)).slice(0, 30))}`;
    for (const pieceBytes of [1, 2, 3, 7, 64, 500]) {
      const { seen, mostHeld } = read(text, pieceBytes);
      assert.deepEqual(seen, ["a|é😀", large, "b|2", "c|3"], `${pieceBytes} bytes`);
      assert.ok(mostHeld < 1600, `${mostHeld} bytes`);
    }
  });
}

test("an event that lacks only its blank line counts, one that is too large and has no end does not", () => {
  assert.deepEqual(read("data: 1\n\nevent: b\ndata: 2\n", 5).seen, ["|1", "b|2"]);
  assert.deepEqual(read(`data: 1\n\ndata: ${"x".repeat(2000)}`, 100).seen.length, 2);
});
