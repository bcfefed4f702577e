// A session's own account is waited for when it is back in seconds: moving would cost the prompt cache.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Behaviour } from "../support/behaviour.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { begin, send } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;
const request = claude.request({ session: "s" });
const retryIn = (seconds: number) => claudeFailures.bucketEmpty(seconds);

/** The session has been served by the first account, which then does as the test wants. */
async function boundSession(t: TestContext, maxWaitMs = 5000, ...next: Behaviour[]): Promise<Stage> {
  const stage = await setStage(t, {
    configure: (config) => ({ ...config, session: { ...config.session, maxWaitMs } }),
  });
  assert.equal((await send(stage.relay.url, request)).header("x-cc-relay-account"), "first");
  stage.upstream.queue("key-of-first", ...next);
  return stage;
}

async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const begun = performance.now();
  return [await work, performance.now() - begun];
}

describe("a wait in place", { concurrency: true }, () => {
  test("a limit of one second is waited out where the session is at home", async (t) => {
    const { relay, servedBy } = await boundSession(t, 5000, retryIn(1));
    const [answer, ms] = await timed(send(relay.url, request));
    assert.equal(answer.header("x-cc-relay-account"), "first");
    assert.ok(ms >= 950 && ms < patient(3000), `${ms} ms`);
    assert.deepEqual(servedBy(), ["first", "first", "first"]);
  });

  test("a request that finds its home in cooldown for a moment waits without asking", async (t) => {
    const { relay, servedBy } = await boundSession(t, 5000, retryIn(1));
    // The cooldown begins with the stranger's request, so that the wait is measured from there.
    const limitedAt = performance.now();
    const stranger = await send(relay.url, claude.request({ session: "other" }));
    assert.equal(stranger.header("x-cc-relay-account"), "second", "who is not at home there does not wait");
    const answer = await send(relay.url, request);
    const ms = performance.now() - limitedAt;
    assert.equal(answer.header("x-cc-relay-account"), "first");
    assert.ok(ms >= 950 && ms < patient(3000), `${ms} ms`);
    assert.deepEqual(servedBy(), ["first", "first", "second", "first"]);
  });

  test("an account that is limited again after the wait is left for the next", async (t) => {
    const { relay, servedBy } = await boundSession(t, 5000, retryIn(1), retryIn(1));
    const [answer, ms] = await timed(send(relay.url, request));
    assert.equal(answer.header("x-cc-relay-account"), "second");
    assert.ok(ms < patient(2500), `waited once, not twice: ${ms} ms`);
    assert.deepEqual(servedBy(), ["first", "first", "first", "second"]);
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
    assert.match(answer.header("retry-after") ?? "", /^[123]$/);
    assert.deepEqual(servedBy(), ["first", "first"]);
  });

  test("a limit that lasts longer than max_wait_seconds moves the request at once", async (t) => {
    for (const [maxWaitMs, seconds] of [
      [5000, 7],
      [0, 1],
    ] as const) {
      const { relay } = await boundSession(t, maxWaitMs, retryIn(seconds));
      const [answer, ms] = await timed(send(relay.url, request));
      assert.equal(answer.header("x-cc-relay-account"), "second");
      assert.ok(ms < patient(900), `${ms} ms`);
    }
  });

  test("a client that leaves during the wait is recorded as aborted, and nothing is sent for it", async (t) => {
    const { upstream, relay } = await boundSession(t, 5000, retryIn(2));
    const leaving = begin(relay.url, request);
    await upstream.received(2);
    await sleep(100);
    leaving.abort();
    const aborted = await until("the request is recorded", () =>
      relay.log.find(({ fields }) => fields.outcome === "aborted"),
    );
    assert.deepEqual([aborted.fields.status, aborted.fields.attempts], [499, 1]);
    const [, ms] = await timed(relay.app.close());
    assert.ok(ms < patient(1000), `nothing waits on: ${ms} ms`);
    assert.equal(upstream.requests.length, 2);
  });
});
