import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { timeLimit, unlessAborted } from "../../src/time/abort.ts";

test("waiting ends with the promise or with the signal, whichever is first, and leaves nothing at the signal", async () => {
  const { signal } = new AbortController();
  assert.equal(await unlessAborted(Promise.resolve(1), signal), true);
  assert.equal(await unlessAborted(Promise.resolve(1), undefined), true);
  await assert.rejects(unlessAborted(Promise.reject(new Error("broken")), signal), /^Error: broken$/);
  assert.deepEqual(getEventListeners(signal, "abort"), []);

  const leaving = new AbortController();
  const waiting = unlessAborted(new Promise(() => {}), leaving.signal);
  leaving.abort();
  assert.equal(await waiting, false);
  assert.deepEqual(getEventListeners(leaving.signal, "abort"), []);
});

test("a signal that came before counts, and a promise that then breaks harms nobody", async () => {
  const breaking = Promise.reject(new Error("broken"));
  assert.equal(await unlessAborted(breaking, AbortSignal.abort()), false);
  await new Promise((resolve) => setImmediate(resolve));
});

test("a limit aborts with a TimeoutError when its time is over", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { signal } = timeLimit(12_000);
  t.mock.timers.tick(11_999);
  assert.equal(signal.aborted, false);
  t.mock.timers.tick(1);
  assert.deepEqual([signal.reason.name, signal.reason.message], ["TimeoutError", "not done within 12 s"]);
});

test("a limit that is cleared aborts no more, and leaves nothing at the other signal", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const client = new AbortController();
  const { signal, clear } = timeLimit(1000, client.signal);
  assert.equal(getEventListeners(client.signal, "abort").length, 1);
  clear();
  assert.equal(getEventListeners(client.signal, "abort").length, 0);
  t.mock.timers.tick(2000);
  client.abort();
  assert.equal(signal.aborted, false);
});

test("a limit aborts with the other signal's reason, also one that has aborted already", () => {
  const gone = new Error("gone");
  const client = new AbortController();
  const early = timeLimit(1000, client.signal);
  client.abort(gone);
  assert.equal(early.signal.reason, gone);
  assert.equal(timeLimit(1000, client.signal).signal.reason, gone);
});
