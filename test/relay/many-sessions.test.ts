// Many sessions that leave one account at once: the next one is tried by one request, then gets a few more at a time.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { claudeFailures } from "../support/claude-script.ts";
import { begin, type ClientAnswer, send } from "../support/client.ts";
import { createManualTime } from "../support/manual-time.ts";
import { patient } from "../support/patience.ts";
import { type Stage, type StageOptions, setStage } from "../support/stage.ts";
import { turns, until } from "../support/until.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;
const limit = () => claudeFailures.windowRejected("5h", Date.now() + 7_200_000);

const request = (session: number) => claude.request({ session: `session-${session}`, text: `s ${session}` });

/** So many sessions that live on the first account, which has just reached its limit. */
async function manySessions(size: number, t: TestContext, options: StageOptions = {}): Promise<Stage> {
  const stage = await setStage(t, { ids: ["a", "b"], isFast: true, ...options });
  const { upstream, relay } = stage;
  const answers = await Promise.all(Array.from({ length: size }, (_, i) => send(relay.url, request(i))));
  assert.ok(answers.every((answer) => answer.header("x-cc-relay-account") === "a"));
  upstream.on("key-of-a", limit);
  return stage;
}

function runSessions({ relay }: Stage, size: number): Promise<ClientAnswer[]> {
  return Promise.all(Array.from({ length: size }, (_, i) => send(relay.url, request(i))));
}

function requestsOf({ upstream }: Stage, id: string) {
  return upstream.requests.filter(({ credential }) => credential === `key-of-${id}`);
}

async function runningCount({ relay }: Stage): Promise<number> {
  const status = await send(relay.url, { path: "/status", method: "GET" });
  return (status.json() as { running_count: number }).running_count;
}

function assertAllGood(answers: ClientAnswer[], id: string): void {
  for (const answer of answers) {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.end, "clean");
    assert.equal(answer.header("x-cc-relay-account"), id);
  }
}

describe("many sessions", { concurrency: true }, () => {
  test("60 sessions reach the next account one at first, then a few every 250 ms, and none fails", async (t) => {
    const time = createManualTime();
    const stage = await manySessions(60, t, { ...time });
    const { promise: firstGoesOn, resolve: goOn } = Promise.withResolvers<void>();
    const arrivals: number[] = [];
    stage.upstream.on("key-of-b", () => {
      arrivals.push(time.clock.monotonic());
      return arrivals.length === 1 ? { firstEventAfter: firstGoesOn } : {};
    });
    const all = runSessions(stage, 60);
    await until("the first of the sessions arrives", () => arrivals.length > 0);
    await until("the others wait", async () => (await runningCount(stage)) === 60);
    time.advance(4000);
    await turns();
    assert.equal(arrivals.length, 1, "before its first good answer an account sees one request");
    const goodAt = time.clock.monotonic();
    goOn();
    const running = time.run(50);
    t.after(running.stop);
    assertAllGood(await all, "b");
    assert.equal(arrivals.length, 60);
    for (const [index, at] of arrivals.entries()) {
      if (index === 0) continue;
      const allowed = 1 + 4 * (1 + Math.floor((at - goodAt) / 250));
      assert.ok(
        index + 1 <= allowed,
        `request ${index + 1} came ${at - goodAt} ms after the first good answer`,
      );
    }
  });

  test("when the next account is at its limit too, it sees one request of the sessions, and the third serves all", async (t) => {
    const stage = await manySessions(40, t, { ids: ["a", "b", "c"] });
    stage.upstream.on("key-of-b", limit);
    assertAllGood(await runSessions(stage, 40), "c");
    assert.equal(requestsOf(stage, "b").length, 1);
    assert.equal(requestsOf(stage, "c").length, 40);
  });

  test("when the next account answers 500, it is left alone after three, and the third serves all", async (t) => {
    const stage = await manySessions(20, t, { ids: ["a", "b", "c"] });
    stage.upstream.on("key-of-b", claudeFailures.serverError(500));
    assertAllGood(await runSessions(stage, 20), "c");
    assert.equal(requestsOf(stage, "b").length, 3);
  });

  test("when the next account reaches its limit while the sessions arrives, the rest of it goes on to the third", async (t) => {
    const stage = await manySessions(20, t, { ids: ["a", "b", "c"] });
    let served = 0;
    stage.upstream.on("key-of-b", () => (served++ < 6 ? {} : limit()));
    const answers = await runSessions(stage, 20);
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    const by = (id: string) => answers.filter((answer) => answer.header("x-cc-relay-account") === id).length;
    assert.deepEqual([by("b"), by("c")], [6, 14]);
    const limited = requestsOf(stage, "b").slice(6);
    const toldAt = Math.min(...limited.map(({ closedAt }) => closedAt ?? Number.POSITIVE_INFINITY));
    const late = limited.filter(({ receivedAt }) => receivedAt > toldAt + patient(250));
    assert.equal(late.length, 0, "only those that were on their way may still arrive");
  });

  test("when every account is out, each of the sessions gets that answer", async (t) => {
    const stage = await manySessions(30, t, { ids: ["a", "b", "c"] });
    for (const id of ["b", "c"]) stage.upstream.on(`key-of-${id}`, limit);
    const answers = await runSessions(stage, 30);
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [429]);
    assert.deepEqual([requestsOf(stage, "b").length, requestsOf(stage, "c").length], [1, 1]);
  });

  test("a session that has arrived at its other account waits for nobody any more", async (t) => {
    const stage = await manySessions(2, t);
    const { upstream, relay } = stage;
    assertAllGood(await runSessions(stage, 2), "b");
    await sleep(60);
    const { promise: never, resolve: release } = Promise.withResolvers<void>();
    t.after(() => release());
    upstream.queue("key-of-b", { headersAfter: never });
    const slow = send(relay.url, request(0));
    slow.catch(() => {});
    await until("the slow request is under way", () => requestsOf(stage, "b").length === 3);
    const begun = Date.now();
    assertAllGood([await send(relay.url, request(1))], "b");
    assert.ok(
      Date.now() - begun < patient(1500),
      `it waited ${Date.now() - begun} ms behind another session's answer`,
    );
  });

  test("the account's own sessions go on while many sessions waits for its first good answer", async (t) => {
    const stage = await manySessions(5, t);
    const { upstream, relay } = stage;
    const own = (text: string) => send(relay.url, claude.request({ session: "of-b", text, headers: [] }));
    // It begins while the first account is in cooldown, so it is at home on the second.
    upstream.queue("key-of-a", limit());
    assertAllGood([await own("one")], "b");
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    upstream.queue("key-of-b", { firstEventAfter: held });
    await relay.store.accounts.clearCooldowns("a");
    await sleep(60);
    const all = runSessions(stage, 5);
    await until("the first of the sessions is there", () => requestsOf(stage, "b").length === 2);
    assertAllGood([await own("two")], "b");
    release();
    assertAllGood(await all, "b");
  });

  test("who leaves the queue or the first place leaves it to the others", async (t) => {
    const stage = await manySessions(4, t);
    const { upstream, relay } = stage;
    upstream.queue("key-of-b", { hang: true });
    const first = begin(relay.url, request(0));
    await until("the first one is at the second account", () => requestsOf(stage, "b").length === 1);
    const waiting = [1, 2, 3].map((session) => begin(relay.url, request(session)));
    await until("the others wait", async () => (await runningCount(stage)) === 4);
    waiting[0]!.abort();
    await until("one has left the queue", async () => (await runningCount(stage)) === 3);
    first.abort();
    for (const { answer } of waiting.slice(1)) assertAllGood([await (await answer).finish()], "b");
    assert.equal(requestsOf(stage, "b").length, 3);
  });
});
