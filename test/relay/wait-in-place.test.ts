// A session's own account is waited for when it is back in seconds: moving would cost the prompt cache.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { Behaviour } from "../support/behaviour.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { begin, send } from "../support/client.ts";
import { createManualTime, type ManualTime } from "../support/manual-time.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { turns, until } from "../support/until.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;
const request = claude.request({ session: "s" });
const startAt = Date.now();
/** A limit that the provider gives so many ms after the start. */
const retryIn = (seconds: number, atMs = 0) => claudeFailures.bucketEmpty(seconds, startAt + atMs);

/** The session has been served by the first account, which then does as the test wants. Time passes when the test says so. */
async function boundSession(
  t: TestContext,
  maxWaitMs = 5000,
  ...next: Behaviour[]
): Promise<Stage & { time: ManualTime }> {
  const time = createManualTime(startAt);
  const stage = await setStage(t, {
    ...time,
    configure: (config) => ({ ...config, session: { ...config.session, maxWaitMs } }),
  });
  assert.equal((await send(stage.relay.url, request)).header("x-cc-relay-account"), "first");
  stage.upstream.queue("key-of-first", ...next);
  return { ...stage, time };
}

/** What is under way comes to the wait that follows so many failed attempts. */
async function untilWaiting({ relay }: Stage, failedAttempts: number): Promise<void> {
  await until("the attempts have failed", () => {
    const failed = relay.log.filter(({ message }) => message === "attempt failed");
    return failed.length === failedAttempts;
  });
  await turns();
}

describe("a wait in place", { concurrency: true }, () => {
  test("a limit of one second is waited out where the session is at home", async (t) => {
    const stage = await boundSession(t, 5000, retryIn(1));
    const { relay, time, servedBy } = stage;
    const asked = send(relay.url, request);
    await untilWaiting(stage, 1);
    time.advance(950);
    await turns();
    assert.deepEqual(servedBy(), ["first", "first"]);
    time.advance(60);
    assert.equal((await asked).header("x-cc-relay-account"), "first");
    assert.deepEqual(servedBy(), ["first", "first", "first"]);
  });

  test("a request that finds its home in cooldown for a moment waits without asking", async (t) => {
    const { relay, time, servedBy } = await boundSession(t, 5000, retryIn(1));
    const stranger = await send(relay.url, claude.request({ session: "other" }));
    assert.equal(stranger.header("x-cc-relay-account"), "second", "who is not at home there does not wait");
    const asked = send(relay.url, request);
    await turns();
    time.advance(950);
    await turns();
    assert.deepEqual(servedBy(), ["first", "first", "second"]);
    time.advance(60);
    assert.equal((await asked).header("x-cc-relay-account"), "first");
    assert.deepEqual(servedBy(), ["first", "first", "second", "first"]);
  });

  test("an account that is limited again after the wait is left for the next", async (t) => {
    const stage = await boundSession(t, 5000, retryIn(1), retryIn(1, 1010));
    const asked = send(stage.relay.url, request);
    await untilWaiting(stage, 1);
    stage.time.advance(1010);
    assert.equal((await asked).header("x-cc-relay-account"), "second", "it has waited once, not twice");
    assert.deepEqual(stage.servedBy(), ["first", "first", "first", "second"]);
  });

  test("a limit without any wait is asked once more, and no more often", async (t) => {
    const { upstream, relay, servedBy } = await boundSession(t);
    upstream.on("key-of-first", retryIn(0));
    const answer = await send(relay.url, request);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.header("x-cc-relay-account"), "second");
    assert.deepEqual(servedBy(), ["first", "first", "first", "second"]);
  });

  test("a request that names its account hears of a short limit, and the provider is asked once", async (t) => {
    const { upstream, relay, servedBy } = await boundSession(t);
    upstream.on("key-of-first", retryIn(3));
    const pinned = claude.request({ session: "s", headers: ["x-cc-relay-account", "first"] });
    const answer = await send(relay.url, pinned);
    assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [429, "account_in_cooldown"]);
    assert.equal(answer.header("retry-after"), "3");
    assert.deepEqual(servedBy(), ["first", "first"]);
  });

  test("a limit that lasts longer than max_wait_seconds moves the request at once", async (t) => {
    for (const [maxWaitMs, seconds] of [
      [5000, 7],
      [0, 1],
    ] as const) {
      const { relay } = await boundSession(t, maxWaitMs, retryIn(seconds));
      // No time passes.
      assert.equal((await send(relay.url, request)).header("x-cc-relay-account"), "second");
    }
  });

  test("a client that leaves during the wait is recorded as aborted, and nothing is sent for it", async (t) => {
    const stage = await boundSession(t, 5000, retryIn(2));
    const { upstream, relay } = stage;
    const leaving = begin(relay.url, request);
    await untilWaiting(stage, 1);
    leaving.abort();
    const aborted = await until("the request is recorded", () =>
      relay.log.find(({ fields }) => fields.outcome === "aborted"),
    );
    assert.deepEqual([aborted.fields.status, aborted.fields.attempts], [499, 1]);
    // Nothing waits on.
    await relay.app.close();
    assert.equal(upstream.requests.length, 2);
  });
});
