// Accounts in cooldown: probed once an hour, remembered over restarts, enabled by hand.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { claudeError, claudeFailures } from "../support/claude-script.ts";
import { begin, type ClientRequest, send } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;
const minute = 60_000;
const hour = 3_600_000;

interface TimedStage extends Stage {
  clock: { now: number };
  /** Serves one request; returns the account that answered. */
  ask(session?: string): Promise<string | undefined>;
}

/** A limit that no window explains, so that nothing but the cooldown keeps requests away. */
const retryAfter = (ms: number) =>
  claudeError(429, { headers: { "retry-after": String(Math.ceil(ms / 1000)) } });

async function limitedFor(
  t: TestContext,
  ms: number,
  limit = (until: number, now: number) => claudeFailures.windowRejected("5h", until, now),
): Promise<TimedStage> {
  const clock = { now: Date.now() };
  const stage = await setStage(t, { now: () => clock.now });
  const ask = async (session?: string) => {
    const answer = await send(stage.relay.url, claude.request({ session, text: `of ${session}` }));
    return answer.status === 200 ? answer.header("x-cc-relay-account") : `${answer.status}: ${answer.text}`;
  };
  assert.equal(await ask("home"), "first");
  const returns = clock.now + ms;
  stage.upstream.on("key-of-first", () => limit(returns, clock.now));
  assert.equal(await ask("home"), "second");
  return { ...stage, clock, ask };
}

test("a cooldown of hours is probed by one request an hour, and goes on while the limit does", async (t) => {
  const { clock, ask, servedBy } = await limitedFor(t, 5 * hour);
  clock.now += 59 * minute;
  assert.equal(await ask(), "second");
  assert.deepEqual(servedBy(), ["first", "first", "second", "second"]);
  for (const tested of [1, 2, 3]) {
    clock.now += 61 * minute;
    const answers = await Promise.all(["home", "other", undefined].map(ask));
    assert.deepEqual(answers, ["second", "second", "second"]);
    const tests = servedBy()
      .slice(4)
      .filter((id) => id === "first");
    assert.equal(tests.length, tested, "one of three requests was the test");
  }
});

test("counting tokens, which goes on at the limit, probes no cooldown and ends none", async (t) => {
  const { relay, upstream, clock, ask, servedBy } = await limitedFor(t, 5 * hour);
  const count = async (headers: string[] = []) => {
    const request = { ...claude.request({ session: "home", headers }), path: "/v1/messages/count_tokens" };
    return (await send(relay.url, request)).header("x-cc-relay-account");
  };
  const counts = { status: 200, body: { input_tokens: 3 } };
  upstream.on((request) => request.path.endsWith("count_tokens"), counts);
  clock.now += 61 * minute;
  assert.equal(await count(), "second");
  assert.equal(await count(["x-cc-relay-account", "first"]), "first");
  assert.equal(await ask("home"), "second");
  assert.equal(servedBy().at(-2), "first", "the message was the test");
  assert.equal((await relay.store.accounts.cooldowns()).length, 1);
});

test("a probe that is answered well ends the cooldown for all", async (t) => {
  const { upstream, relay, clock, ask, servedBy } = await limitedFor(t, 5 * hour);
  clock.now += 61 * minute;
  upstream.on("key-of-first", {});
  assert.equal(await ask("home"), "first");
  assert.equal(await ask("home"), "first");
  assert.equal(await ask("fresh"), "first");
  assert.deepEqual(await relay.store.accounts.cooldowns(), []);
  assert.equal(servedBy().filter((id) => id === "second").length, 1);
});

test("while the one probe is under way nobody else probes, whatever writes to the database", async (t) => {
  const { upstream, relay, clock, ask, servedBy } = await limitedFor(t, 5 * hour, (until, now) =>
    retryAfter(until - now),
  );
  clock.now += 61 * minute;
  upstream.queue("key-of-first", { hang: true });
  const testing = begin(relay.url, claude.request({ session: "home" }));
  await upstream.received(4);
  await relay.store.accounts.saveState({ accountId: "other", lastUsedAt: 1, windows: [] });
  await sleep(600);
  assert.equal(await ask("home"), "second");
  assert.deepEqual(servedBy(), ["first", "first", "second", "first", "second"]);
  testing.abort();
});

test("a cooldown that ends by itself is over to the millisecond", async (t) => {
  const { upstream, clock, ask } = await limitedFor(t, 30 * minute);
  upstream.on("key-of-first", {});
  clock.now = Math.floor(clock.now / 1000) * 1000 + 30 * minute - 1001;
  assert.equal(await ask("home"), "second");
  clock.now += 2000;
  assert.equal(await ask("home"), "first");
});

test("cooldowns survive a restart, and the hour of their last probe with them", async (t) => {
  const { relay, clock, ask, servedBy } = await limitedFor(t, 5 * hour);
  await relay.restart();
  assert.equal(await ask("home"), "second");
  clock.now += 61 * minute;
  assert.equal(await ask("home"), "second");
  const asked = servedBy().length;
  await relay.restart();
  assert.equal(await ask("home"), "second");
  assert.deepEqual(servedBy().slice(asked), ["second"], "the test of this hour was done before the restart");
});

test("an account that is enabled by hand is used within a second, and its sessions come back", async (t) => {
  const { upstream, relay, ask } = await limitedFor(t, 5 * hour);
  upstream.on("key-of-first", {});
  await relay.store.accounts.clearCooldowns("first");
  const begun = Date.now();
  await until("the first account serves again", async () => (await ask("home")) === "first");
  assert.ok(Date.now() - begun < patient(1000), `${Date.now() - begun} ms`);
});

test("an answer that was under way when its account reached the limit does not end the cooldown", async (t) => {
  const { upstream, relay, servedBy } = await setStage(t);
  const { promise: held, resolve: goOn } = Promise.withResolvers<void>();
  upstream.queue("key-of-first", { firstEventAfter: held }, retryAfter(5 * hour));
  const slow = send(relay.url, claude.request({ session: "slow" }));
  await upstream.received(1);
  await sleep(20);
  assert.equal((await send(relay.url, claude.request())).header("x-cc-relay-account"), "second");
  goOn();
  assert.equal((await slow).header("x-cc-relay-account"), "first");
  const next = await send(relay.url, claude.request({ session: "next" }));
  assert.equal(next.header("x-cc-relay-account"), "second");
  assert.deepEqual(servedBy(), ["first", "first", "second", "second"]);
});

test("only the model family that is rejected is in cooldown", async (t) => {
  const { upstream, relay } = await setStage(t);
  upstream.queue("key-of-first", claudeFailures.modelWindowRejected(Date.now() + hour));
  const ask = async (model: string) => {
    const body = { model, max_tokens: 5, messages: [{ role: "user", content: model }] };
    return (await send(relay.url, { path: "/v1/messages", body })).header("x-cc-relay-account");
  };
  assert.equal(await ask("claude-opus-5-5"), "second");
  assert.equal(await ask("claude-opus-4-8"), "second");
  assert.equal(await ask("claude-haiku-5-5"), "first");
  await relay.restart();
  assert.equal(await ask("claude-opus-5-5"), "second");
  assert.equal(await ask("claude-sonnet-5-5"), "first");
});

test("an account that a client names serves it, in cooldown or not", async (t) => {
  const { upstream, relay } = await limitedFor(t, 5 * hour);
  upstream.on("key-of-first", {});
  const named = await send(relay.url, claude.request({ headers: ["x-cc-relay-account", "first"] }));
  assert.equal(named.header("x-cc-relay-account"), "first");
});

test("a key that was replaced while a request with the old one was under way is not blamed for it", async (t) => {
  const { upstream, relay, servedBy } = await setStage(t, { ids: ["first"] });
  const { promise: held, resolve: goOn } = Promise.withResolvers<void>();
  upstream.queue("key-of-first", { ...claudeFailures.unauthorized(), headersAfter: held });
  const answer = send(relay.url, claude.request());
  await upstream.received(1);
  await relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.map((account) => ({ ...account, secret: "key-of-new" })),
  }));
  goOn();
  assert.equal((await answer).status, 200);
  assert.deepEqual(servedBy(), ["first", "new"]);
});

test("a model that every account is refused is reported as one that is not to be had, never as a failed login", async (t) => {
  const { upstream, relay, servedBy } = await setStage(t);
  upstream.on(() => true, claudeFailures.modelDenied());
  for (const attempt of [1, 2]) {
    const answer = await send(relay.url, claude.request());
    assert.deepEqual(
      [answer.status, answer.header("x-cc-relay-error")],
      [404, "unknown_model"],
      `attempt ${attempt}`,
    );
    assert.match(answer.text, /claude-opus-5-5/);
  }
  assert.deepEqual(servedBy(), ["first", "second"]);
});

test("a conversation that counts its tokens first stays on the account that counted them; a look at a model binds none", async (t) => {
  const { upstream, relay } = await setStage(t);
  const headers = ["x-claude-code-session-id", "counting"];
  const body = { model: "claude-opus-5-5", messages: [{ role: "user", content: "hi" }] };
  const served = async (request: ClientRequest) =>
    (await send(relay.url, { headers, ...request })).header("x-cc-relay-account");

  let fresh = 0;
  const returnOfFirst = async () => {
    await relay.store.accounts.clearCooldowns("first");
    await until("the first account is back", async () => {
      const answer = await send(relay.url, claude.request({ session: `fresh-${fresh++}` }));
      return answer.header("x-cc-relay-account") === "first";
    });
  };

  upstream.queue("key-of-first", retryAfter(hour));
  assert.equal(await served({ path: "/v1/models/claude-opus-5-5", method: "GET" }), "second");
  await returnOfFirst();
  upstream.queue("key-of-first", retryAfter(hour));
  assert.equal(await served({ path: "/v1/messages/count_tokens", body }), "second");
  const asked = upstream.requests.slice(-2).map(({ credential }) => credential);
  assert.deepEqual(asked, ["key-of-first", "key-of-second"], "it was not bound before");
  await returnOfFirst();
  assert.equal(await served({ path: "/v1/messages", body: { ...body, max_tokens: 5 } }), "second");
});
