// The thread that converts large chat requests ends when it has nothing to do, and loses nothing by that.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
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

test("a body goes over when the one before is converted: what waits in the thread would be there twice", {
  timeout: 60_000,
}, async (t) => {
  const thread = createConversionThread({ idleMs: 1 });
  const content = "x".repeat(maxInlineBytes);
  const body = Buffer.from(JSON.stringify({ model: "claude-x", messages: [{ role: "user", content }] }));
  let given = 0;
  let most = 0;
  const { postMessage } = Worker.prototype;
  t.mock.method(Worker.prototype, "postMessage", function (this: Worker, ...message: [unknown, []]) {
    most = Math.max(most, ++given);
    postMessage.apply(this, message);
  });
  await Promise.all([1, 2, 3].map(() => Promise.resolve(thread.convert(body)).then(() => given--)));
  assert.equal(most, 1);
});
