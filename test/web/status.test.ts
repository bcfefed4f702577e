// `GET /status`: what it says, to whom, and how it follows.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatusDocument } from "../../src/documents/types.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { type OpenAnswer, open, send } from "../support/client.ts";
import type { TestRelay } from "../support/relay.ts";
import { setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { ownFetch, signIn } from "./sign-in.ts";

const key = "relay-key-1";
const message = {
  model: "claude-opus-5-5",
  max_tokens: 100,
  messages: [{ role: "user", content: "Hi" }],
};

async function readStatus(relay: TestRelay): Promise<StatusDocument> {
  const answer = await send(relay.url, { path: "/status" });
  assert.equal(answer.status, 200);
  return answer.json() as StatusDocument;
}

function ask(relay: TestRelay, body: object = message) {
  return send(relay.url, { method: "POST", path: "/v1/messages", body });
}

test("it says what every account does, the last requests with their path and cost, and the sums of today", async (t) => {
  const { relay, upstream } = await setStage(t);
  upstream.queue("key-of-first", claudeFailures.windowRejected("5h", Date.now() + 600_000));
  assert.equal((await ask(relay)).status, 200);
  const status = await until("the request is over", async () => {
    const now = await readStatus(relay);
    return now.recent.length > 0 && now;
  });
  assert.deepEqual(Object.keys(status), [
    "version",
    "started_at",
    "running_count",
    "accounts",
    "running",
    "recent",
    "today",
  ]);
  assert.equal(status.version, "0.0.0-test");
  assert.ok(Math.abs(Date.parse(status.started_at) - Date.now()) < 60_000);
  const [first, second] = status.accounts;
  assert.deepEqual(
    [first?.id, first?.state, first?.running, second?.id, second?.state, second?.requests_24h],
    ["first", "cooldown", 0, "second", "ready", 1],
  );
  assert.ok(Date.parse(first?.until ?? "") > Date.now());
  const [request] = status.recent;
  assert.ok(request);
  assert.deepEqual(Object.keys(request), [
    ...[
      "id",
      "time",
      "client",
      "family",
      "route",
      "model",
      "sent_model",
      "account",
      "path",
      "status",
      "outcome",
    ],
    ...["first_byte_ms", "total_ms", "tokens", "cost_usd"],
  ]);
  assert.deepEqual(request.path, ["first", "second"]);
  assert.deepEqual(
    [request.client, request.family, request.route, request.account, request.status, request.outcome],
    ["anonymous", "claude", "claude/generate", "second", 200, "complete"],
  );
  assert.ok(request.tokens !== null && request.tokens.output > 0);
  assert.ok(request.cost_usd !== null && request.cost_usd > 0);
  assert.deepEqual(
    [status.today.requests, status.today.errors, status.today.output_tokens, status.today.cost_usd],
    [1, 0, request.tokens.output, request.cost_usd],
  );
  assert.deepEqual([first?.cost_usd_24h, second?.cost_usd_24h], [0, request.cost_usd]);
  assert.deepEqual([status.running, status.running_count], [[], 0]);
});

test("a request that runs is listed with the account that is being asked", async (t) => {
  const { relay, upstream } = await setStage(t);
  upstream.queue({}, { headersAfter: 500 });
  const answer = ask(relay);
  const { running, running_count, accounts } = await until("it runs", async () => {
    const now = await readStatus(relay);
    return now.running[0]?.path.length === 1 && now;
  });
  assert.equal(running_count, 1);
  const [request] = running;
  assert.deepEqual(
    [request?.account, request?.path, request?.model, request?.status, request?.outcome, request?.total_ms],
    ["first", ["first"], "claude-opus-5-5", null, null, null],
  );
  assert.deepEqual(
    accounts.map(({ running: many }) => many),
    [1, 0],
  );
  await answer;
});

test("a request that runs has the attempts that have failed, on the page too, before it is answered", async (t) => {
  const { relay, upstream } = await setStage(t);
  const cookie = await signIn(relay);
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  t.after(() => release());
  upstream.queue("key-of-first", claudeFailures.windowRejected("5h", Date.now() + 600_000));
  upstream.queue("key-of-second", { gate: () => held });
  const answer = ask(relay, { ...message, stream: true });
  const request = await until("the second account is asked", async () => {
    const { running } = await readStatus(relay);
    return running[0]?.path.length === 2 && running[0];
  });
  const [attempt, ...others] = request.attempts;
  assert.deepEqual(others, []);
  assert.partialDeepStrictEqual(attempt, {
    ...{ account: "first", status: 429, class: "rate-limited", next: "next account" },
    reason: "This request would exceed your account's rate limit. Please try again later.",
  });
  const readDetail = async () =>
    (
      await send(relay.url, { path: `/ui/data/requests/${request.id}`, headers: [...ownFetch, ...cookie] })
    ).json();
  assert.deepEqual(await readDetail(), request);
  release();
  await answer;
  assert.partialDeepStrictEqual(await readDetail(), {
    outcome: "complete",
    attempts: [attempt, { class: "answered" }],
  });
});

test("what the store has of today and of the last requests is there after a restart", async (t) => {
  const { relay } = await setStage(t);
  for (let at = 0; at < 3; at += 1) await ask(relay);
  const before = await until("all are over", async () => {
    const now = await readStatus(relay);
    return now.recent.length === 3 && now;
  });
  await relay.restart();
  const after = await readStatus(relay);
  // The row is written before the last byte goes out, and the request ends after it.
  const settled = (status: StatusDocument) =>
    status.recent.map((request) => ({ ...request, total_ms: null }));
  assert.deepEqual(settled(after), settled(before));
  assert.deepEqual(after.today, before.today);
  const figures = ({ accounts: [first] }: StatusDocument) => [first?.requests_24h, first?.cost_usd_24h];
  assert.deepEqual(figures(after), figures(before));
  assert.deepEqual(figures(after), [3, after.today.cost_usd]);
});

test("what counts tokens or lists models is among neither the last requests nor the sums", async (t) => {
  const { relay } = await setStage(t);
  const { model, messages } = message;
  const body = { model, messages };
  assert.equal(
    (await send(relay.url, { method: "POST", path: "/v1/messages/count_tokens", body })).status,
    200,
  );
  assert.equal((await send(relay.url, { path: "/v1/models" })).status, 200);
  const { recent, today, running } = await readStatus(relay);
  assert.deepEqual([recent, today.requests, running], [[], 0, []]);
});

test("with api_keys it needs one of them in a header, or the page's cookie", async (t) => {
  const { relay } = await setStage(t, {
    configure: (config) => ({ ...config, apiKeys: [{ name: "laptop", key }] }),
  });
  const cookie = await signIn(relay);
  const get = async (headers: string[], path = "/status") =>
    (await send(relay.url, { path, headers })).status;
  assert.equal(await get([]), 401);
  assert.equal(await get(["x-api-key", "wrong"]), 401);
  assert.equal(await get(["authorization", `Bearer ${key}`]), 200);
  assert.equal(await get([], `/status?key=${key}`), 200);
  assert.equal(await get([...cookie, ...ownFetch]), 200);
  assert.notEqual(await get(ownFetch), 200);
  assert.notEqual(await get(ownFetch, `/status?key=${key}`), 200, "a page can write a key into an address");
});

test("without api_keys programs read it, and nothing that a browser sends on its own does", async (t) => {
  const { relay } = await setStage(t);
  const get = async (headers: string[]) => (await send(relay.url, { path: "/status", headers })).status;
  assert.equal(await get([]), 200);
  assert.equal((await fetch(`${relay.url}/status`)).status, 200, "a script that uses Node's fetch");
  for (const headers of [
    ["sec-fetch-site", "none", "sec-fetch-mode", "navigate"],
    ["sec-fetch-site", "none", "sec-purpose", "prefetch"],
    ["sec-fetch-site", "same-origin"],
    ["sec-purpose", "prefetch"],
    ["referer", "http://evil.example/"],
  ]) {
    const status = await get(headers);
    assert.ok(status === 401 || status === 403, `${headers}: ${status}`);
  }
});

async function nextLine(answer: OpenAnswer): Promise<StatusDocument> {
  return JSON.parse(await answer.readUntil("\n")) as StatusDocument;
}

test("followed, it sends a line at once and one per change", async (t) => {
  const { relay } = await setStage(t);
  const answer = await open(relay.url, { path: "/status?follow" });
  t.after(() => answer.abort());
  assert.match(answer.header("content-type") ?? "", /^application\/jsonl/);
  let status = await nextLine(answer);
  assert.equal(status.recent.length, 0);
  void ask(relay);
  while (status.recent.length < 1 || status.running_count > 0) status = await nextLine(answer);
});

test("while nothing moves it stays the same, so that followers get no line", async (t) => {
  let now = new Date(2026, 10, 22, 12).getTime();
  const { relay } = await setStage(t, { now: () => now });
  await ask(relay);
  const before = await until("the request has ended", async () => {
    const status = await readStatus(relay);
    return status.running_count === 0 && status.recent.length === 1 && JSON.stringify(status);
  });
  now += 3_600_000;
  assert.equal(JSON.stringify(await readStatus(relay)), before);
});

test("a cooldown that ends is a change, too", async (t) => {
  const { relay, upstream } = await setStage(t, {
    configure: (config) => ({ ...config, session: { ...config.session, maxWaitMs: 0 } }),
  });
  // Its header counts whole seconds.
  upstream.queue("key-of-first", claudeFailures.windowRejected("5h", Date.now() + 2000));
  await ask(relay);
  const answer = await open(relay.url, { path: "/status?follow" });
  t.after(() => answer.abort());
  let status = await nextLine(answer);
  assert.equal(status.accounts[0]?.state, "cooldown");
  while (status.accounts[0]?.state !== "ready") status = await nextLine(answer);
});

test("a burst of changes is at most four lines a second, and the last one says what is true", async (t) => {
  const { relay } = await setStage(t);
  const answer = await open(relay.url, { path: "/status?follow" });
  t.after(() => answer.abort());
  await nextLine(answer);
  const began = performance.now();
  let isOver = false;
  const load = (async () => {
    while (performance.now() - began < 700) await Promise.all([ask(relay), ask(relay), ask(relay)]);
    isOver = true;
  })();
  let lines = 0;
  let last: StatusDocument | undefined;
  while (!isOver || last?.running_count !== 0) {
    last = await nextLine(answer);
    lines += 1;
  }
  await load;
  const seconds = (performance.now() - began) / 1000;
  assert.ok(lines <= seconds * 4 + 2, `${lines} lines in ${seconds} s`);
  assert.equal(last?.today.requests, (await readStatus(relay)).today.requests);
});

test("the relay ends without waiting for a follower that does not read", async (t) => {
  const { relay } = await setStage(t);
  const answer = await open(relay.url, { path: "/status?follow" });
  t.after(() => answer.abort());
  await nextLine(answer);
  for (let at = 0; at < 20; at += 1) await ask(relay);
  assert.equal((await readStatus(relay)).recent.length, 20);
  const began = performance.now();
  await relay.app.close();
  assert.ok(performance.now() - began < 1500);
});
