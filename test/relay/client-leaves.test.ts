// A client that leaves, at every stage of a request: the provider's request ends at once, and nothing is left behind.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { claudeUpstream } from "../../src/upstreams/claude.ts";
import type { Behaviour } from "../support/behaviour.ts";
import { claudeError } from "../support/claude-script.ts";
import { begin, type ClientRequest, open } from "../support/client.ts";
import { memorySource } from "../support/memory-client.ts";
import { patient } from "../support/patience.ts";
import { startPipeline } from "../support/pipeline.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;
const chat = dialectCases[3]!;

interface Leaving {
  behaviour: Behaviour;
  request?: ClientRequest;
  /** Leaves at the right moment. */
  leave(stage: Stage, request: ClientRequest): Promise<void>;
}

async function leaveWithoutHead({ relay, upstream }: Stage, request: ClientRequest): Promise<void> {
  const asked = begin(relay.url, request);
  await upstream.received(1);
  await sleep(60);
  asked.abort();
}

async function leaveInStream({ relay }: Stage, request: ClientRequest): Promise<void> {
  const answer = await open(relay.url, request);
  await answer.read();
  answer.abort();
}

const stages: Record<string, Leaving> = {
  "before there is a head": { behaviour: { hang: true }, leave: leaveWithoutHead },
  "while only the head has come": {
    behaviour: { firstEventAfter: 60_000 },
    leave: leaveWithoutHead,
  },
  "while pings come": {
    behaviour: { pings: 1000, betweenEvents: 20 },
    leave: leaveWithoutHead,
  },
  "while an error's body is awaited": {
    behaviour: { status: 400, body: {}, firstEventAfter: 60_000 },
    leave: leaveWithoutHead,
  },
  "in the middle of a stream": {
    behaviour: { events: 40, gate: (event) => (event === 4 ? 60_000 : undefined) },
    leave: leaveInStream,
  },
  "in the middle of a converted stream": {
    request: chat.request(),
    behaviour: { events: 40, gate: (event) => (event === 4 ? 60_000 : undefined) },
    leave: leaveInStream,
  },
  "in the middle of a compressed stream": {
    request: claude.request({ headers: ["accept-encoding", "gzip"] }),
    behaviour: { events: 40, encoding: "gzip", gate: (event) => (event === 4 ? 60_000 : undefined) },
    leave: leaveInStream,
  },
  "in the middle of a whole answer": {
    request: claude.request({ stream: false }),
    behaviour: { content: "x".repeat(30_000_000) },
    leave: leaveInStream,
  },
};

async function assertNothingIsLeft({ relay, upstream }: Stage, leftAt: number): Promise<void> {
  const asked = upstream.requests[0]!;
  await until("the provider's request is over", () => asked.closedAt !== undefined);
  assert.equal(asked.aborted, true);
  assert.ok(
    asked.closedAt! - leftAt < patient(250),
    `closed ${asked.closedAt! - leftAt} ms after the client`,
  );
  const line = await until("the request is over", () =>
    relay.log.find(({ message }) => message === "request"),
  );
  assert.equal(line.fields.outcome, "aborted");
  const { total } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "day" });
  assert.deepEqual([total.requests, total.errors], [1, 0]);
  assert.equal(relay.log.filter(({ level }) => level === "error").length, 0, JSON.stringify(relay.log));
  const closing = performance.now();
  await relay.app.close();
  assert.ok(performance.now() - closing < patient(1000), "something still waits");
  assert.equal(upstream.requests.length, 1);
}

for (const [moment, { behaviour, request = claude.request(), leave }] of Object.entries(stages)) {
  test(`a client leaves ${moment}`, async (t) => {
    const stage = await setStage(t);
    stage.upstream.queue("key-of-first", behaviour);
    await leave(stage, request);
    await assertNothingIsLeft(stage, Date.now());
  });
}

test("a client leaves while a converted error is read", async (t) => {
  const holdBackMs = 20;
  const stage = await setStage(t, { holdBackMs });
  stage.upstream.queue("key-of-first", { ...claudeError(400), firstEventAfter: 60_000 });
  const asked = begin(stage.relay.url, chat.request());
  await stage.upstream.received(1);
  // The error is classified by its head when that is over, and its body is waited for.
  await sleep(10 * holdBackMs);
  asked.abort();
  await assertNothingIsLeft(stage, Date.now());
});

test("an observer that a client's leaving stops is no fault", async (t) => {
  const leaving = new AbortController();
  const { observe } = claudeUpstream;
  t.mock.method(claudeUpstream, "observe", (...args: Parameters<typeof observe>) =>
    Object.assign(observe(...args), {
      push() {
        leaving.abort(new Error("the client has left"));
        throw leaving.signal.reason;
      },
    }),
  );
  const { ask, log } = await startPipeline(t, ["a"]);
  await ask("/v1/messages", memorySource(JSON.parse(String(claude.request().body))), {
    signal: leaving.signal,
  });
  assert.deepEqual(
    log.filter(({ level }) => level === "error"),
    [],
  );
});

async function halfASocket(stage: Stage, t: TestContext, sent: string): Promise<void> {
  const socket = connect(Number(new URL(stage.relay.url).port), "127.0.0.1");
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(sent);
  await sleep(100);
  socket.destroy();
  await sleep(50);
}

test("a client leaves before its body is complete: no provider is asked", async (t) => {
  const head = "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
  for (const sent of [
    `${head}Content-Length: 1000\r\n\r\n{"model":"claude-o`,
    `${head}Transfer-Encoding: chunked\r\n\r\n5\r\n{"mod\r\n`,
    head,
  ]) {
    const stage = await setStage(t);
    await halfASocket(stage, t, sent);
    assert.equal(stage.upstream.requests.length, 0);
    assert.deepEqual(
      stage.relay.log.filter(({ level }) => level === "error"),
      [],
    );
    const closing = performance.now();
    await stage.relay.app.close();
    assert.ok(performance.now() - closing < patient(1000));
  }
});

test("a client that hangs up right after the last event has had the whole answer", async (t) => {
  for (const encoding of [undefined, "gzip"] as const) {
    const { upstream, relay } = await setStage(t);
    const { promise: never, resolve: release } = Promise.withResolvers<void>();
    t.after(() => release());
    // The provider ends its body much later than its last event.
    const events = 6;
    upstream.queue("key-of-first", {
      encoding,
      rawEvents: [...claudeEvents(), ": nothing more\n\n"],
      gate: (event) => (event === events ? never : undefined),
    });
    const answer = await open(
      relay.url,
      claude.request({ headers: ["accept-encoding", encoding ?? "identity"] }),
    );
    if (encoding === undefined) await answer.readUntil("message_stop");
    else while (upstream.served[0]?.outcome !== "complete") await Promise.race([answer.read(), sleep(30)]);
    await sleep(30);
    answer.abort();
    const line = await until("the request is over", () =>
      relay.log.find(({ message }) => message === "request"),
    );
    assert.deepEqual([line.fields.outcome, line.fields.output], ["complete", 42], String(encoding));
  }
});

function claudeEvents(): object[] {
  return [
    { type: "message_start", message: { usage: { input_tokens: 5, output_tokens: 1 } } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "hello" } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 42 } },
    { type: "message_stop" },
  ];
}
