import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { unlessAborted } from "../../src/time/abort.ts";

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
