// Taking the relay down: open answers end, kept connections do not hold it up, and what is truncated is still recorded.

import assert from "node:assert/strict";
import { Agent } from "node:http";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { dialectCases } from "../relay/cases.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { begin, open, send, sendToEnd } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { type Stage, setStage } from "../support/stage.ts";

const claude = dialectCases[0]!;

function draining(t: TestContext, drainMs: number): Promise<Stage> {
  return setStage(t, {
    configure: (config) => ({
      ...config,
      server: { ...config.server, drainMs },
      session: { ...config.session, holdMs: 60_000 },
    }),
  });
}

function gate(after: number): {
  behaviour: { events: number; gate: (event: number) => Promise<void> | undefined };
  open(): void;
} {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    behaviour: { events: 20, gate: (event) => (event === after ? promise : undefined) },
    open: resolve,
  };
}

async function timed(work: Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work;
  return performance.now() - begun;
}

async function outcomes({ relay }: Stage): Promise<string[]> {
  return relay.log.filter(({ message }) => message === "request").map(({ fields }) => String(fields.outcome));
}

for (const keepAlive of [true, false]) {
  test(`an open stream ends normally, and then the relay is down at once (${keepAlive ? "kept" : "single"} connection)`, async (t) => {
    const stage = await draining(t, 20_000);
    const agent = new Agent({ keepAlive });
    t.after(() => agent.destroy());
    const held = gate(5);
    stage.upstream.queue("key-of-first", held.behaviour);
    const answer = await open(stage.relay.url, { ...claude.request(), agent });
    await answer.read();
    const closing = stage.relay.app.close();
    await sleep(100);
    await assert.rejects(send(stage.relay.url, { path: "/health" }), { code: "ECONNREFUSED" });
    held.open();
    const whole = await answer.finish();
    assert.equal(whole.end, "clean");
    assert.match(whole.text, /message_stop/);
    const ms = await timed(closing);
    assert.ok(ms < patient(1000), `it took ${ms} ms more`);
    assert.deepEqual(await outcomes(stage), ["complete"]);
  });
}

test("idle connections do not hold it up", async (t) => {
  const stage = await draining(t, 20_000);
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  await send(stage.relay.url, { ...claude.request(), agent });
  assert.ok((await timed(stage.relay.app.close())) < patient(1000));
});

test("a request on a connection that was open before is asked to come back", async (t) => {
  const stage = await draining(t, 20_000);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const held = gate(5);
  stage.upstream.queue("key-of-first", held.behaviour);
  const answer = await open(stage.relay.url, { ...claude.request(), agent });
  const next = begin(stage.relay.url, { ...claude.request(), agent });
  const closing = stage.relay.app.close();
  held.open();
  await answer.finish();
  const told = await next.answer.then(
    (each) => each.finish(),
    (error: NodeJS.ErrnoException) => error.code,
  );
  // The connection may be gone before the request is on it; an answer has to be the right one.
  if (typeof told === "object") {
    assert.deepEqual([told.status, told.header("x-cc-relay-error")], [503, "draining"]);
    assert.equal(told.header("connection"), "close");
  } else assert.equal(told, "ECONNRESET");
  assert.ok((await timed(closing)) < patient(1000));
});

test("what a shutdown breaks off is reset, so that clients ask again, whether its answer had begun or not", async (t) => {
  const stage = await draining(t, 50);
  const { upstream, relay } = stage;
  upstream.queue("key-of-first", gate(5).behaviour, { hang: true });
  const body = String(claude.request().body);
  const post = `POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const ends = [1, 2].map(() => sendToEnd(Number(new URL(relay.url).port), post));
  await upstream.received(2);
  await relay.app.close();
  for (const { error } of await Promise.all(ends)) assert.equal(error, "ECONNRESET");
});

test("what is still open when the time is over is broken off, and recorded at whatever stage it was", async (t) => {
  const stage = await draining(t, 300);
  const { upstream, relay } = stage;
  upstream.queue(
    "key-of-first",
    gate(5).behaviour,
    { hang: true },
    { firstEventAfter: 60_000 },
    claudeFailures.bucketEmpty(50),
  );
  upstream.queue("key-of-second", claudeFailures.bucketEmpty(50));
  const streaming = await open(relay.url, claude.request({ session: "1" }));
  await streaming.read();
  const waiting = ["2", "3", "4"].map((session) => begin(relay.url, claude.request({ session })));
  for (const { answer } of waiting) answer.catch(() => {});
  await upstream.received(5);
  await sleep(50);
  const ms = await timed(relay.app.close());
  assert.ok(ms >= 250 && ms < patient(1500), `${ms} ms`);
  assert.equal((await streaming.finish()).end, "cut");
  for (const { answer } of waiting) await assert.rejects(answer);
  assert.deepEqual((await outcomes(stage)).sort(), ["failed", "failed", "failed", "truncated"]);
  const { total } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "day" });
  assert.deepEqual([total.requests, total.errors], [4, 4]);
  assert.deepEqual(
    relay.log.filter(({ level }) => level === "error"),
    [],
  );
});
