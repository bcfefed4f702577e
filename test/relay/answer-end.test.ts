// The end of an answer whose length was announced, on a connection that its provider closes right after: it is read at once,
// however long the answer has to wait for its client or for memory.

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { Call } from "../../src/domain/call.ts";
import { createDispatchers } from "../../src/network/dispatchers.ts";
import { attempt } from "../../src/relay/attempt.ts";
import { createMemoryBudget } from "../../src/relay/memory-budget.ts";
import type { MemoryShare } from "../../src/relay/memory-share.ts";
import { systemTimers } from "../../src/time/timers.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import type { AnswerObserver } from "../../src/usage/observer.ts";
import { startTcpServer } from "../support/tcp-server.ts";

const head = (length: number) =>
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

const { upstream } = accountKinds["claude-api"];

/** As if it kept more than what is not counted. */
function keepsMuch(observer: AnswerObserver): AnswerObserver {
  return new Proxy(observer, {
    get(target, name) {
      const value = name === "heldBytes" ? 100 * 1024 : Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** @param answer what the provider does with the request. */
async function ask(
  t: TestContext,
  answer: (socket: Socket) => void,
  { memory, holdMs }: { memory?: MemoryShare; holdMs: number },
) {
  const { port } = await startTcpServer(t, (socket) => socket.once("data", () => answer(socket)));
  const dispatchers = createDispatchers({ connectTimeoutMs: 10_000 });
  t.after(() => dispatchers.close());
  return await attempt({
    dispatcher: dispatchers.for("a", undefined),
    request: {
      ...{ origin: `http://127.0.0.1:${port}`, path: "/v1/messages", method: "POST", headers: [] },
      body: Buffer.from("{}"),
    },
    upstream: { ...upstream, observe: (call: Call) => keepsMuch(upstream.observe(call)) },
    call: { operation: "generate", stream: false, family: "claude" } as Call,
    timeouts: { firstByteMs: 60_000, idleMs: 60_000, holdMs },
    signal: new AbortController().signal,
    memory,
    now: () => 0,
    timers: systemTimers,
    onObserverError: assert.ifError,
  });
}

const opening = '{"type":"message","content":[';
const rest = "]}";

test("it is read while the client is slow", { timeout: 20_000 }, async (t) => {
  let provider: Socket | undefined;
  const begin = (socket: Socket) => {
    provider = socket;
    socket.write(head(opening.length + rest.length) + opening);
  };
  const result = await ask(t, begin, { holdMs: 0 });
  assert.ok(result.ok);
  const { answer } = result;
  const said: string[] = [];
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const say = (text: string) => {
    said.push(text);
    resolve();
  };
  answer.pipe({
    data(chunk) {
      said.push(String(chunk));
      // As the pipe does while it writes something down: not within the turn in which the piece came.
      setImmediate(() => {
        answer.pause();
        provider?.end(rest);
      });
    },
    end: (last) => say(`end with ${last}`),
    broken: (cause) => say(`broken: ${cause.message}`),
  });
  await over;
  assert.deepEqual(said, [opening, `end with ${rest}`]);
});

test("it is read while there is no memory for the answer", { timeout: 20_000 }, async (t) => {
  const budget = createMemoryBudget(() => ({ maxBytes: 1024 * 1024, maxWaitMs: 10_000 }));
  const everybodyElse = budget.open(new AbortController().signal);
  everybodyElse.grow(1024 * 1024);
  const body = opening + rest;
  const memory = budget.openGrowing(new AbortController().signal);
  const result = await ask(t, (socket) => socket.end(head(body.length) + body), { memory, holdMs: 60_000 });
  assert.ok(result.ok, result.ok ? "" : JSON.stringify(result.failure));
  assert.equal(result.answer.isWhole, true);
  assert.ok(Buffer.concat(result.answer.held).equals(Buffer.from(body)));
  result.answer.discard();
});
