// Signals to `cc-relay serve`: draining, cutting, reloading, and what the process exits with.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { dialectCases } from "../relay/cases.ts";
import { type OpenAnswer, open, send } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import {
  claudeAccounts,
  createServeFolder,
  type RunningServe,
  type ServeFolder,
} from "../support/serve-process.ts";
import { until } from "../support/until.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

const claude = dialectCases[0]!;

interface Serving {
  folder: ServeFolder;
  relay: RunningServe;
  upstream: ScriptedUpstream;
}

async function serving(t: TestContext, server = ""): Promise<Serving> {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const folder = await createServeFolder(t);
  await folder.configure(claudeAccounts(upstream.url), server);
  return { folder, relay: await folder.start(), upstream };
}

/** A stream that pauses until the test lets it go on. */
async function openStream({ relay, upstream }: Serving): Promise<{ answer: OpenAnswer; goOn(): void }> {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.queue("key-of-a", { events: 20, gate: (event) => (event === 5 ? promise : undefined) });
  const answer = await open(relay.url, claude.request());
  await answer.read();
  return { answer, goOn: resolve };
}

async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const begun = performance.now();
  return [await work, performance.now() - begun];
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} lets an open stream end, refuses new connections, and exits 0`, async (t) => {
    const stage = await serving(t);
    const { relay, folder } = stage;
    const { answer, goOn } = await openStream(stage);
    relay.kill(signal);
    await until("it stops", () => relay.lines().some(({ msg }) => /^stopping/.test(String(msg))));
    await assert.rejects(send(relay.url, { path: "/health" }), { code: "ECONNREFUSED" });
    // A terminal that closes says both.
    relay.kill("SIGHUP");
    await sleep(200);
    goOn();
    const whole = await answer.finish();
    assert.equal(whole.end, "clean");
    assert.match(whole.text, /message_stop/);
    const [exit, ms] = await timed(relay.exited);
    assert.deepEqual(exit, { code: 0, signal: null });
    assert.ok(ms < patient(2000), `${ms} ms`);
    const daemon = await folder.look((store) => store.daemon.look());
    assert.equal(daemon.running, false);
  });
}

test("a relay without open answers stops at once", async (t) => {
  const { relay } = await serving(t);
  relay.kill("SIGTERM");
  const [exit, ms] = await timed(relay.exited);
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.ok(ms < patient(1500), `${ms} ms`);
});

test("a second signal cuts what is open, records it, and exits 0", async (t) => {
  const stage = await serving(t);
  const { answer } = await openStream(stage);
  stage.relay.kill("SIGTERM");
  await sleep(300);
  assert.equal(stage.relay.hasExited(), false);
  stage.relay.kill("SIGINT");
  assert.equal((await answer.finish()).end, "cut");
  const [exit, ms] = await timed(stage.relay.exited);
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.ok(ms < patient(2000), `${ms} ms`);
  const summary = await stage.folder.look((store) =>
    store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "account" }),
  );
  assert.deepEqual([summary.total.requests, summary.rows[0]?.key], [1, "a"]);
  assert.deepEqual(summary.total.tokens, stage.upstream.total());
});

test("what is open after drain_seconds is broken off, and the exit code is 0", async (t) => {
  const stage = await serving(t, "drain_seconds = 0.5");
  const { answer } = await openStream(stage);
  const begun = performance.now();
  stage.relay.kill("SIGTERM");
  assert.equal((await answer.finish()).end, "cut");
  const ms = performance.now() - begun;
  assert.ok(ms > 400 && ms < patient(2000), `${ms} ms`);
  assert.deepEqual(await stage.relay.exited, { code: 0, signal: null });
});

test("SIGHUP reads the configuration again, a broken one included, and the relay goes on", async (t) => {
  const { relay, folder, upstream } = await serving(t);
  const reloads = () => relay.lines().filter(({ msg }) => msg === "the configuration was reloaded").length;
  relay.kill("SIGHUP");
  await until("the first reload", () => reloads() === 1);
  await folder.configure('api_kez = "x"\n');
  relay.kill("SIGHUP");
  await until("the report", () => relay.lines().some(({ level }) => level === "error"));
  assert.equal((await send(relay.url, claude.request())).header("x-cc-relay-account"), "a");
  await folder.configure(claudeAccounts(upstream.url, ["b"]));
  relay.kill("SIGHUP");
  await until("the second reload", () => reloads() >= 2);
  assert.equal((await send(relay.url, claude.request())).header("x-cc-relay-account"), "b");
});
