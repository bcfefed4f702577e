// session.hold_seconds: a request waits for the earliest return of an account instead of being asked to come back.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { claudeFailures } from "../support/claude-script.ts";
import { begin, send } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;

function holding(t: TestContext, holdMs: number, ids = ["first", "second"]): Promise<Stage> {
  return setStage(t, {
    ids,
    configure: (config) => ({ ...config, session: { ...config.session, holdMs, maxWaitMs: 0 } }),
  });
}

async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const begun = performance.now();
  return [await work, performance.now() - begun];
}

describe("a hold", { concurrency: true }, () => {
  test("a request is held until the first account is back", async (t) => {
    const { upstream, relay, servedBy } = await holding(t, patient(5000));
    upstream.queue("key-of-first", claudeFailures.bucketEmpty(60));
    upstream.queue("key-of-second", claudeFailures.bucketEmpty(1));
    const [answer, ms] = await timed(send(relay.url, claude.request()));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.header("x-cc-relay-account"), "second");
    assert.ok(ms >= 950 && ms < patient(2900), `${ms} ms`);
    assert.deepEqual(servedBy(), ["first", "second", "second"]);
  });

  test("requests that come while every account is in cooldown are held as well", async (t) => {
    const { upstream, relay, servedBy } = await holding(t, patient(5000));
    for (const id of ["first", "second"]) upstream.queue(`key-of-${id}`, claudeFailures.bucketEmpty(1));
    const answers = await Promise.all(
      ["a", "b", "c"].map((session) => send(relay.url, claude.request({ session }))),
    );
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200],
    );
    assert.ok(servedBy().length <= 9);
  });

  test("more accounts than max_attempts do not use up what the request may try after the hold", async (t) => {
    const ids = ["a", "b", "c", "d", "e"];
    const { upstream, relay } = await holding(t, patient(5000), ids);
    for (const id of ids) upstream.queue(`key-of-${id}`, claudeFailures.bucketEmpty(1));
    const answer = await send(relay.url, claude.request());
    assert.equal(answer.status, 200, answer.text);
  });

  test("a provider without capacity is waited for too", async (t) => {
    const { upstream, relay, servedBy } = await holding(t, patient(5000));
    for (const id of ["first", "second"]) upstream.queue(`key-of-${id}`, claudeFailures.overloaded());
    const answer = await send(relay.url, claude.request());
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(servedBy(), ["first", "second", "first"]);
  });

  test("an account that is limited again is waited for again, until the time is over", async (t) => {
    const { upstream, relay } = await holding(t, 2500, ["first"]);
    upstream.on("key-of-first", claudeFailures.bucketEmpty(1));
    const [answer, ms] = await timed(send(relay.url, claude.request()));
    assert.equal(answer.status, 429);
    assert.equal(answer.header("x-cc-relay-error"), "all_limited");
    assert.equal(answer.header("retry-after"), "1");
    // How often it fits into the time depends on the machine.
    assert.ok(ms >= 1400 && ms <= patient(3500), `${ms} ms`);
    assert.ok(upstream.requests.length >= 2);
  });

  test("a return that is too far away is reported at once", async (t) => {
    const { upstream, relay } = await holding(t, 20_000);
    upstream.on(() => true, claudeFailures.bucketEmpty(90));
    const [answer, ms] = await timed(send(relay.url, claude.request()));
    assert.equal(answer.status, 429);
    assert.ok(ms < 15_000, `${ms} ms`);
  });

  test("limits without any wait are held for as well, and asked about once a second", async (t) => {
    const { upstream, relay, servedBy } = await holding(t, 20_000);
    for (const id of ["first", "second"]) upstream.queue(`key-of-${id}`, claudeFailures.bucketEmpty(0));
    const [answer, ms] = await timed(send(relay.url, claude.request()));
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
    const { upstream, relay } = await holding(t, 60_000, ["first"]);
    upstream.queue("key-of-first", claudeFailures.bucketEmpty(50));
    const held = send(relay.url, claude.request());
    await upstream.received(1);
    await sleep(100);
    await relay.store.accounts.clearCooldowns("first");
    const [answer, ms] = await timed(held);
    assert.equal(answer.status, 200, answer.text);
    assert.ok(ms < patient(2500), `${ms} ms`);
  });

  test("a client that leaves while it is held is recorded as aborted, and nothing is sent for it", async (t) => {
    const { upstream, relay } = await holding(t, 60_000, ["first"]);
    upstream.queue("key-of-first", claudeFailures.bucketEmpty(50));
    const leaving = begin(relay.url, claude.request());
    await upstream.received(1);
    await sleep(100);
    leaving.abort();
    await until("the request is recorded", () =>
      relay.log.find(({ fields }) => fields.outcome === "aborted"),
    );
    const [, ms] = await timed(relay.app.close());
    assert.ok(ms < patient(1000), `nothing waits on: ${ms} ms`);
    assert.equal(upstream.requests.length, 1);
  });
});
