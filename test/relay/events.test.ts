// What the pipeline reports of a request while it runs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createRelayEvents } from "../../src/relay/events.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { memorySource } from "../support/memory-client.ts";
import { startPipeline } from "../support/pipeline.ts";

const body = {
  model: "claude-opus-5-5",
  max_tokens: 10,
  stream: true,
  messages: [{ role: "user", content: "Hi" }],
};

test("a request that fails over is reported step by step, with all figures at its end", async (t) => {
  const { upstream, ask, events, rows } = await startPipeline(t, ["a", "b"]);
  upstream.queue("key-of-a", claudeFailures.bucketEmpty(90));
  const sink = await ask("/v1/messages", memorySource(body));
  assert.deepEqual([sink.head?.status, sink.ending], [200, "clean"]);
  assert.deepEqual(
    events.map(({ name }) => name),
    [
      "requestStarted",
      "attemptStarted",
      "attemptFinished",
      "failedOver",
      "attemptStarted",
      "attemptFinished",
      "answerStarted",
      "requestFinished",
    ],
  );
  const [started, , failed, moved, , good, answering, finished] = events.map(({ event }) => event) as never[];
  assert.partialDeepStrictEqual(started, {
    family: "claude",
    route: "claude/generate",
    client: "anonymous",
    stream: true,
  });
  assert.partialDeepStrictEqual(failed, {
    account: "a",
    status: 429,
    class: "rate-limited",
    next: "next account",
  });
  assert.partialDeepStrictEqual(moved, { from: "a", to: "b", failure: "rate-limited" });
  assert.partialDeepStrictEqual(good, { account: "b", status: 200, class: "answered", next: "served" });
  assert.partialDeepStrictEqual(answering, { account: "b", status: 200 });
  assert.partialDeepStrictEqual(finished, {
    path: ["a", "b"],
    row: { account: "b", outcome: "complete", attempts: 2 },
  });
  const attempts = rows[0]?.attemptRows?.map(({ account, status, class: kind, next }) => [
    account,
    status,
    kind,
    next,
  ]);
  assert.deepEqual(attempts, [
    ["a", 429, "rate-limited", "next account"],
    ["b", 200, "answered", "served"],
  ]);
});

test("a request whose first attempt succeeds hands no attempts on to the store", async (t) => {
  const { ask, rows } = await startPipeline(t, ["a"]);
  await ask("/v1/messages", memorySource(body));
  assert.deepEqual([rows.length, rows[0]?.attempts, rows[0]?.attemptRows], [1, 1, []]);
});

test("the last attempt of a request that nobody could answer says that no account was left", async (t) => {
  const { upstream, ask, events } = await startPipeline(t, ["a", "b"]);
  for (const id of ["a", "b"]) upstream.queue(`key-of-${id}`, claudeFailures.bucketEmpty(90));
  const sink = await ask("/v1/messages", memorySource(body));
  assert.deepEqual([sink.head?.status, sink.ending], [429, "clean"]);
  const next = events.flatMap(({ name, event }) => (name === "attemptFinished" ? [event.next] : []));
  assert.deepEqual(next, ["next account", "no account left"]);
  const finished = events.at(-1);
  assert.ok(finished?.name === "requestFinished");
  assert.deepEqual([finished.event.error, finished.event.row.account], ["all_limited", "(none)"]);
});

test("of an attempt the provider's words about the account are kept, and of those about the request nothing", async (t) => {
  const { upstream, ask, events, rows } = await startPipeline(t, ["a", "b"]);
  const quoted = "messages.0: 'my secret prompt' is not allowed";
  upstream.queue("key-of-a", claudeFailures.bucketEmpty(90));
  upstream.queue("key-of-b", claudeFailures.invalidRequest(quoted));
  await ask("/v1/messages", memorySource(body));
  const finished = events.flatMap(({ name, event }) => (name === "attemptFinished" ? [event] : []));
  assert.match(finished[0]?.fullReason ?? "", /rate limit/);
  assert.equal(finished[1]?.fullReason, quoted);
  assert.deepEqual(
    rows[0]?.attemptRows?.map(({ reason }) => reason),
    [finished[0]?.fullReason, "the provider refused the request itself"],
  );
});

test("an event is made only where somebody listens, and a listener that throws stops nobody", () => {
  const reported: unknown[] = [];
  const events = createRelayEvents((error) => reported.push(error));
  let made = 0;
  const emit = () =>
    events.emit("accountChanged", () => {
      made++;
      return { account: "a" };
    });
  emit();
  assert.equal(made, 0);
  const heard: string[] = [];
  const stop = events.on("accountChanged", () => {
    throw new Error("a listener's fault");
  });
  events.on("accountChanged", ({ account }) => void heard.push(account));
  emit();
  stop();
  emit();
  assert.deepEqual([made, heard, reported.length], [2, ["a", "a"], 1]);
});
