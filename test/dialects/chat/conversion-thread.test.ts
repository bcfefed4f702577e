// The thread that converts large chat requests ends when it has nothing to do, and loses nothing by that.

import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createConversionThread, maxInlineBytes } from "../../../src/dialects/chat/conversion-thread.ts";

test("a body that comes while the thread ends is converted by the next one", {
  timeout: 60_000,
}, async () => {
  const thread = createConversionThread({ idleMs: 1 });
  const content = "x".repeat(maxInlineBytes);
  const body = Buffer.from(JSON.stringify({ model: "claude-x", messages: [{ role: "user", content }] }));
  for (let count = 0; count < 4; count++) {
    await thread.convert(body);
    // The thread's end takes some milliseconds, in which the next body comes.
    await sleep(2);
  }
});
