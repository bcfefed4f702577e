// What is held back before the first byte, for how long, and what can no longer be changed after it.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { claudeErrorEvent } from "../support/claude-script.ts";
import { open, send } from "../support/client.ts";
import { createManualTime } from "../support/manual-time.ts";
import { patient } from "../support/patience.ts";
import { type Stage, type StageOptions, setStage } from "../support/stage.ts";
import { soon, turns } from "../support/until.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;
const gemini = dialectCases[1]!;
const overloaded = claudeErrorEvent("overloaded_error");
/** Instead of five seconds. */
const holdBackMs = 100;
const ping = 'event: ping\ndata: {"type": "ping"}\n\n';

function impatient(
  t: TestContext,
  upstream: { firstByteTimeoutMs?: number; idleTimeoutMs?: number },
  options: StageOptions = {},
): Promise<Stage> {
  return setStage(t, {
    ...options,
    configure: (config) => ({ ...config, upstream: { ...config.upstream, ...upstream } }),
  });
}

async function outcomes({ relay }: Stage): Promise<unknown[]> {
  return relay.log
    .filter(({ message }) => message === "request")
    .map(({ fields }) => [fields.account, fields.outcome]);
}

describe("the hold-back", { concurrency: true }, () => {
  test("pings are no first event: an error after them moves the request", async (t) => {
    const { upstream, relay } = await setStage(t);
    upstream.queue("key-of-first", {
      pings: 4,
      betweenEvents: 20,
      firstEvent: overloaded,
    });
    const answer = await send(relay.url, claude.request());
    assert.equal(answer.header("x-cc-relay-account"), "second");
    assert.doesNotMatch(answer.text, /ping|overloaded/);
    assert.deepEqual(answer.body, upstream.requests[1]!.sentBody);
  });

  test("an answer that begins well is not held: each event arrives as it was sent", async (t) => {
    const { upstream, relay } = await setStage(t);
    const { promise: later, resolve: goOn } = Promise.withResolvers<void>();
    upstream.queue("key-of-first", { gate: (event) => (event === 1 ? later : undefined) });
    const answer = await open(relay.url, claude.request());
    assert.match(await answer.readUntil("message_start"), /^event: message_start/);
    goOn();
    assert.equal((await answer.finish()).end, "clean");
  });

  test("after the hold-back the head goes out alone, and what follows is passed on whatever it is", async (t) => {
    const { upstream, relay, servedBy } = await setStage(t, { holdBackMs });
    const { promise: later, resolve: goOn } = Promise.withResolvers<void>();
    upstream.queue("key-of-first", { firstEventAfter: later, firstEvent: overloaded });
    const begun = performance.now();
    const answer = await open(relay.url, claude.request());
    const headAfter = performance.now() - begun;
    assert.ok(
      headAfter > holdBackMs - 20 && headAfter < patient(2000),
      `the head came after ${headAfter} ms`,
    );
    goOn();
    const whole = await answer.finish();
    assert.equal(whole.end, "clean");
    assert.equal(whole.text, `event: error\ndata: ${JSON.stringify(overloaded)}\n\n`);
    assert.deepEqual(servedBy(), ["first"]);
  });

  test("pings that come for longer than the hold-back are passed on, and nothing is added to them", async (t) => {
    const { upstream, relay } = await setStage(t, { holdBackMs });
    upstream.queue("key-of-first", {
      rawEvents: [ping, ping],
      gate: (event) => (event === 1 ? 2 * holdBackMs : undefined),
      errorAfter: { events: 2, event: overloaded },
    });
    const answer = await send(relay.url, claude.request());
    assert.equal(answer.text, `${ping}${ping}event: error\ndata: ${JSON.stringify(overloaded)}\n\n`);
  });

  test("nothing is injected into a silent stream", async (t) => {
    const { upstream, relay } = await setStage(t, { type: "gemini-api", holdBackMs });
    upstream.queue("key-of-first", { events: 2, betweenEvents: 2 * holdBackMs });
    const answer = await send(relay.url, gemini.request());
    assert.equal(answer.end, "clean");
    assert.deepEqual(answer.body, upstream.requests[0]!.sentBody);
    assert.doesNotMatch(answer.text, /^:|\n:|ping/m);
  });

  test("an unstreamed answer that breaks off while it is held moves the request, later it breaks off", async (t) => {
    const early = await setStage(t);
    early.upstream.queue("key-of-first", { cut: { afterBytes: 30, how: "rst" } });
    const moved = await send(early.relay.url, claude.request({ stream: false }));
    assert.equal(moved.header("x-cc-relay-account"), "second");

    const late = await setStage(t, { holdBackMs });
    const { promise: later, resolve: goOn } = Promise.withResolvers<void>();
    late.upstream.queue("key-of-first", { firstEventAfter: later, cut: { afterBytes: 30, how: "rst" } });
    const answer = await open(late.relay.url, claude.request({ stream: false }));
    goOn();
    const broken = await answer.finish();
    assert.deepEqual([broken.status, broken.end, broken.body.length], [200, "cut", 30]);
    assert.deepEqual(late.servedBy(), ["first"]);
    assert.deepEqual(await outcomes(late), [["first", "truncated"]]);
  });

  test("an error answer whose body never comes is classified by its head", async (t) => {
    const { upstream, relay } = await setStage(t, { holdBackMs });
    upstream.queue("key-of-first", {
      status: 429,
      headers: { "retry-after": "600" },
      body: {},
      firstEventAfter: 60_000,
    });
    const answer = await send(relay.url, claude.request());
    assert.equal(answer.header("x-cc-relay-account"), "second");
  });

  test("a client that stops waiting at a known time is answered before it by leaving an account that is slow, unless it is the last", async (t) => {
    const clock = { now: Date.now() };
    const { timers, advance } = createManualTime();
    const ids = ["first", "second", "third"];
    const { upstream, relay, servedBy } = await setStage(t, {
      type: "gemini-api",
      ...{ ids, timers },
      now: () => clock.now,
    });
    const cli = ["user-agent", "GeminiCLI/0.61.0/gemini-2.5-pro (linux; x64; terminal)"];
    const [first, third] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    upstream.queue("key-of-first", { status: 500, headersAfter: first.promise });
    upstream.queue("key-of-second", { hang: true });
    upstream.queue("key-of-third", { headersAfter: third.promise });
    const asked = send(relay.url, gemini.request({ headers: cli }));
    await upstream.received(1);
    clock.now += 54_500;
    first.resolve();
    await upstream.received(2);
    await turns();
    advance(950);
    await turns();
    assert.deepEqual(servedBy(), ["first", "second"]);
    advance(1000);
    await soon(() => upstream.requests.length === 3);
    await turns();
    advance(4000);
    await turns();
    third.resolve();
    const answer = await asked;
    assert.deepEqual([answer.status, servedBy()], [200, ids], answer.text);
  });
});

test("a head that comes late is waited for", async (t) => {
  const { upstream, relay } = await impatient(t, { firstByteTimeoutMs: 3000, idleTimeoutMs: 40 });
  upstream.queue("key-of-first", { headersAfter: 200 });
  assert.equal((await send(relay.url, claude.request())).header("x-cc-relay-account"), "first");
});

test("an account without a head in time is left for the next, and its request is cancelled", async (t) => {
  const { upstream, relay } = await impatient(t, { firstByteTimeoutMs: 200 });
  upstream.queue("key-of-first", { hang: true });
  const answer = await send(relay.url, claude.request());
  assert.equal(answer.header("x-cc-relay-account"), "second");
  await upstream.requests[0]!.closed;
  assert.equal(upstream.requests[0]!.aborted, true);
});

test("when no account has a head in time, that is said in the API's form", async (t) => {
  const { upstream, relay } = await impatient(t, { firstByteTimeoutMs: 100 });
  upstream.on(() => true, { hang: true });
  const answer = await send(relay.url, claude.request());
  assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [504, "upstream_timeout"]);
  assert.match(answer.text, /"type":"api_error".*127\.0\.0\.1.*second/);
});

const jsonArray = {
  ...gemini.request(),
  path: "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
};
for (const [name, type, request] of [
  ["an event stream", "claude-api", claude.request()],
  ["a JSON array", "gemini-api", jsonArray],
] as const) {
  test(`silence in the middle of ${name} cuts it`, async (t) => {
    const stage = await impatient(t, { idleTimeoutMs: 100 }, { type });
    const { upstream, relay, servedBy } = stage;
    upstream.queue("key-of-first", { events: 30, gate: (event) => (event === 5 ? 60_000 : undefined) });
    const answer = await send(relay.url, request);
    assert.deepEqual([answer.status, answer.end], [200, "cut"]);
    assert.deepEqual(answer.body, upstream.requests[0]!.sentBody);
    assert.deepEqual(servedBy(), ["first"]);
    assert.deepEqual(await outcomes(stage), [["first", "truncated"]]);
    await upstream.requests[0]!.closed;
  });
}
