// session.hold_seconds: a request waits for the earliest return of an account instead of being asked to come back.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { claudeFailures } from "../support/claude-script.ts";
import { begin, send } from "../support/client.ts";
import { createManualTime, type ManualTime } from "../support/manual-time.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { turns, until } from "../support/until.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;

interface Held extends Stage {
  time: ManualTime;
  /** As the provider says it now. */
  backIn(seconds: number): ReturnType<typeof claudeFailures.bucketEmpty>;
}

/** Time passes when the test says so. */
async function holding(t: TestContext, holdMs: number, ids = ["first", "second"]): Promise<Held> {
  const time = createManualTime();
  const stage = await setStage(t, {
    ...time,
    ids,
    configure: (config) => ({ ...config, session: { ...config.session, holdMs, maxWaitMs: 0 } }),
  });
  return { ...stage, time, backIn: (seconds) => claudeFailures.bucketEmpty(seconds, time.clock.now()) };
}

/** All that the request asks before it is held has failed. */
async function untilHeld({ relay, upstream }: Held, attempts: number): Promise<void> {
  await upstream.received(attempts);
  const failed = () => relay.log.filter(({ message }) => message === "attempt failed").length;
  await until("the attempts have failed", () => failed() === attempts);
  await turns();
}

/** Lets time go by in steps: after each of them a held request may look again. */
async function pass({ advance }: ManualTime, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    advance(50);
    await turns();
  }
}

/** What comes of it, and the ms that had to go by. */
async function passUntil<T>(time: ManualTime, work: Promise<T>): Promise<[T, number]> {
  const begun = time.clock.monotonic();
  let isSettled = false;
  const settled = work.finally(() => (isSettled = true));
  while (!isSettled) await pass(time, 50);
  return [await settled, time.clock.monotonic() - begun];
}

describe("a hold", { concurrency: true }, () => {
  test("a request is held until the first account is back", async (t) => {
    const stage = await holding(t, 5000);
    const { upstream, relay, time, backIn, servedBy } = stage;
    upstream.queue("key-of-first", backIn(60));
    upstream.queue("key-of-second", backIn(1));
    const asked = send(relay.url, claude.request());
    await untilHeld(stage, 2);
    await pass(time, 950);
    assert.deepEqual(servedBy(), ["first", "second"]);
    await pass(time, 100);
    const answer = await asked;
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.header("x-cc-relay-account"), "second");
    assert.deepEqual(servedBy(), ["first", "second", "second"]);
  });

  test("requests that come while every account is in cooldown are held as well", async (t) => {
    const { upstream, relay, time, backIn, servedBy } = await holding(t, 5000);
    for (const id of ["first", "second"]) upstream.queue(`key-of-${id}`, backIn(1));
    const asked = ["a", "b", "c"].map((session) => send(relay.url, claude.request({ session })));
    const [answers] = await passUntil(time, Promise.all(asked));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200],
    );
    assert.ok(servedBy().length <= 9);
  });

  test("more accounts than max_attempts do not use up what the request may try after the hold", async (t) => {
    const ids = ["a", "b", "c", "d", "e"];
    const { upstream, relay, time, backIn } = await holding(t, 5000, ids);
    for (const id of ids) upstream.queue(`key-of-${id}`, backIn(1));
    const [answer] = await passUntil(time, send(relay.url, claude.request()));
    assert.equal(answer.status, 200, answer.text);
  });

  test("a provider without capacity is waited for too", async (t) => {
    const { upstream, relay, time, servedBy } = await holding(t, 5000);
    for (const id of ["first", "second"]) upstream.queue(`key-of-${id}`, claudeFailures.overloaded());
    const [answer] = await passUntil(time, send(relay.url, claude.request()));
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(servedBy(), ["first", "second", "first"]);
  });

  test("an account that is limited again is waited for again, until the time is over", async (t) => {
    const { upstream, relay, time, backIn } = await holding(t, 2500, ["first"]);
    upstream.on("key-of-first", () => backIn(1));
    const [answer, ms] = await passUntil(time, send(relay.url, claude.request()));
    assert.equal(answer.status, 429);
    assert.equal(answer.header("x-cc-relay-error"), "all_limited");
    assert.equal(answer.header("retry-after"), "1");
    // It was asked at the beginning, and when each second was over; the third one would have been too long.
    assert.equal(upstream.requests.length, 3);
    assert.ok(ms >= 2000 && ms <= 2500, `${ms} ms`);
  });

  test("a return that is too far away is reported at once", async (t) => {
    const { upstream, relay, backIn } = await holding(t, 20_000);
    upstream.on(() => true, backIn(90));
    // No time passes.
    assert.equal((await send(relay.url, claude.request())).status, 429);
  });

  test("limits without any wait are held for as well, and asked about once a second", async (t) => {
    const { upstream, relay, time, backIn, servedBy } = await holding(t, 20_000);
    for (const id of ["first", "second"]) upstream.queue(`key-of-${id}`, backIn(0));
    const [answer, ms] = await passUntil(time, send(relay.url, claude.request()));
    assert.equal(answer.status, 200, answer.text);
    assert.ok(ms >= 950, `${ms} ms`);
    assert.deepEqual(servedBy(), ["first", "second", "first"]);
  });

  test("refused credentials are not waited for", async (t) => {
    const { upstream, relay } = await holding(t, 4000_000);
    upstream.on(() => true, claudeFailures.unauthorized());
    assert.equal((await send(relay.url, claude.request())).header("x-cc-relay-error"), "needs_login");
  });

  test("an account that is enabled by hand while a request is held serves it at once", async (t) => {
    const stage = await holding(t, 4_000_000, ["first"]);
    const { upstream, relay, time, backIn } = stage;
    upstream.queue("key-of-first", backIn(3600));
    const held = send(relay.url, claude.request());
    await untilHeld(stage, 1);
    await relay.store.accounts.clearCooldowns("first");
    // The relay looks at its database by the system's clock.
    const [answer, ms] = await passUntil(time, held);
    assert.equal(answer.status, 200, answer.text);
    assert.ok(ms < 3_600_000, `${ms} ms`);
  });

  test("a client that leaves while it is held is recorded as aborted, and nothing is sent for it", async (t) => {
    const stage = await holding(t, 60_000, ["first"]);
    const { upstream, relay, backIn } = stage;
    upstream.queue("key-of-first", backIn(50));
    const leaving = begin(relay.url, claude.request());
    await untilHeld(stage, 1);
    leaving.abort();
    await until("the request is recorded", () =>
      relay.log.find(({ fields }) => fields.outcome === "aborted"),
    );
    // Nothing waits on.
    await relay.app.close();
    assert.equal(upstream.requests.length, 1);
  });
});
