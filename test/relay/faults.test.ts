// A throw anywhere costs the one request that met it: its client gets an error or a broken connection, its provider's connection is closed, and
// the requests beside it do not notice.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { matchRoute } from "../../src/dialects/registry.ts";
import type { Exchange, RelayDeps } from "../../src/relay/exchange.ts";
import { claudeUpstream } from "../../src/upstreams/claude.ts";
import type { Behaviour } from "../support/behaviour.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { type MemorySink, memorySource } from "../support/memory-client.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { until } from "../support/until.ts";

let thrown = 0;
const fault = () => {
  thrown++;
  throw new Error("injected");
};
const laterFault = async () => fault();

interface Seam {
  /** Which of the two ways the requests go. */
  path?: "/v1/messages" | "/v1/chat/completions";
  /** What the provider answers; a good stream unless given. */
  behaviour?: () => Behaviour;
  deps?: (deps: RelayDeps) => Partial<RelayDeps>;
  exchange?: () => Partial<Exchange>;
  mock?: (t: TestContext) => void;
  /** The fault is caught where it happens, and the request succeeds all the same. */
  isHarmless?: boolean;
}

const claude = claudeUpstream;
const dialectOf = (path: string) => matchRoute("POST", path)!.dialect;

function withConversion(change: Partial<ReturnType<NonNullable<Exchange["dialect"]["convert"]>>>) {
  const dialect = dialectOf("/v1/chat/completions");
  return () => ({
    dialect: {
      ...dialect,
      convert: (call: Parameters<NonNullable<typeof dialect.convert>>[0]) => ({
        ...dialect.convert!(call),
        ...change,
      }),
    },
  });
}

const answer = {
  headers: [],
  push: (chunk: Buffer) => chunk,
  end: () => Buffer.alloc(0),
  fail: () => undefined,
};

const seams: Record<string, Seam> = {
  "reading the request": { exchange: () => ({ dialect: { ...dialectOf("/v1/messages"), read: fault } }) },
  "converting the request": {
    path: "/v1/chat/completions",
    exchange: () => ({ dialect: { ...dialectOf("/v1/chat/completions"), convert: fault } }),
  },
  "finding the session": { deps: ({ bindings }) => ({ bindings: { ...bindings, find: laterFault } }) },
  "choosing an account": { deps: ({ pool }) => ({ pool: { ...pool, choose: laterFault } }) },
  "entering slow start": {
    behaviour: () => claudeFailures.bucketEmpty(90),
    deps: () => ({ slowStart: { enter: laterFault } }),
  },
  "getting the credential": {
    deps: ({ credentials }) => ({ credentials: { ...credentials, get: laterFault } }),
  },
  "preparing the request": { mock: (t) => void t.mock.method(claude, "prepare", fault) },
  "classifying a failure": {
    behaviour: () => claudeFailures.serverError(500),
    mock: (t) => void t.mock.method(claude, "readFailure", fault),
  },
  "reading windows": { mock: (t) => void t.mock.method(claude, "readWindows", fault) },
  "reading the windows of a failure": {
    behaviour: () => claudeFailures.serverError(500),
    mock: (t) => void t.mock.method(claude, "readWindows", fault),
  },
  "cooling an account down": {
    behaviour: () => claudeFailures.bucketEmpty(90),
    deps: ({ pool }) => ({ pool: { ...pool, failed: laterFault } }),
  },
  "noting a success": { deps: ({ pool }) => ({ pool: { ...pool, succeeded: laterFault } }) },
  "binding the session": { deps: ({ bindings }) => ({ bindings: { ...bindings, bind: laterFault } }) },
  "dropping headers": { mock: (t) => void t.mock.method(claude, "isAccountHeader", fault) },
  "making the transform": { path: "/v1/chat/completions", exchange: withConversion({ answer: fault }) },
  "rewriting a chunk": {
    path: "/v1/chat/completions",
    exchange: withConversion({ answer: () => ({ ...answer, push: fault }) }),
  },
  "rewriting the end": {
    path: "/v1/chat/completions",
    exchange: withConversion({ answer: () => ({ ...answer, end: fault }) }),
  },
  "wording the break": {
    path: "/v1/chat/completions",
    exchange: withConversion({ answer: () => ({ ...answer, push: fault, fail: fault }) }),
  },
  "wording a provider's error": {
    path: "/v1/chat/completions",
    behaviour: () => ({
      status: 400,
      body: { type: "error", error: { type: "invalid_request_error", message: "no" } },
    }),
    exchange: withConversion({ error: fault }),
  },
  "recording usage": { deps: () => ({ usage: { record: laterFault } }) },
  "noting the end": { deps: ({ pool }) => ({ pool: { ...pool, ended: fault } }), isHarmless: true },
  "observing the answer": { mock: (t) => void t.mock.method(claude, "observe", fault), isHarmless: true },
  "observing a chunk": {
    mock: (t) => {
      const observe = claude.observe;
      t.mock.method(claude, "observe", (...args: Parameters<typeof observe>) =>
        Object.assign(observe(...args), { push: fault }),
      );
    },
    isHarmless: true,
  },
  "listening to events": {
    deps: ({ events }) => {
      for (const name of ["requestStarted", "attemptFinished", "requestFinished"] as const)
        events.on(name, fault);
      return {};
    },
    isHarmless: true,
  },
};

const body = {
  model: "claude-opus-5-5",
  max_tokens: 10,
  stream: true,
  messages: [{ role: "user", content: "Hi" }],
};

async function ask({ ask }: Pipeline, { path = "/v1/messages", exchange }: Seam): Promise<MemorySink> {
  return ask(path, memorySource(body), exchange?.());
}

for (const [name, seam] of Object.entries(seams)) {
  test(`a throw while ${name} costs that request only`, async (t) => {
    const pipeline = await startPipeline(t, ["a", "b"], seam.deps);
    const { upstream, events } = pipeline;
    seam.mock?.(t);
    const thrownBefore = thrown;
    if (seam.behaviour)
      for (const id of ["a", "b"]) upstream.queue(`key-of-${id}`, ...Array(5).fill(seam.behaviour()));
    const sinks = await Promise.all([1, 2, 3, 4, 5].map(() => ask(pipeline, seam)));
    assert.ok(thrown > thrownBefore, "nothing was thrown");
    for (const sink of sinks) {
      assert.notEqual(sink.ending, undefined);
      const isGood = sink.head?.status === 200 && sink.ending === "clean";
      assert.equal(isGood, seam.isHarmless === true, `${sink.head?.status} ${sink.ending} ${sink.text}`);
    }
    await until("no connection is left open", () =>
      upstream.requests.every(({ closedAt }) => closedAt !== undefined),
    );
    const count = (wanted: string) => events.filter((event) => event.name === wanted).length;
    assert.equal(count("requestFinished"), count("requestStarted"));
    assert.equal(count("answerStarted") <= count("requestFinished"), true);
  });
}

test("requests beside one that meets a fault are served as ever", async (t) => {
  const pipeline = await startPipeline(t, ["a", "b"]);
  const read = fault;
  const bad = { dialect: { ...dialectOf("/v1/messages"), read } };
  const sinks = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      pipeline.ask("/v1/messages", memorySource(body), index % 3 === 0 ? bad : {}),
    ),
  );
  assert.deepEqual(
    sinks.map(({ head }) => head?.status),
    Array.from({ length: 30 }, (_, index) => (index % 3 === 0 ? 500 : 200)),
  );
});

const longRefusal: Behaviour = { status: 400, body: "x".repeat(8 * 1024 * 1024) };

/** A provider that goes on with its answer for as long as its connection is there. */
const endless: Record<string, { behaviour: Behaviour; throwAt(t: TestContext, pipeline: Pipeline): void }> = {
  "asking for a translation": {
    behaviour: { gate: (event) => (event >= 2 ? new Promise(() => {}) : undefined) },
    throwAt(t) {
      Object.assign(claude, { translate: fault });
      t.after(() => Reflect.deleteProperty(claude, "translate"));
    },
  },
  "healing a request": {
    behaviour: longRefusal,
    throwAt(t, { deps }) {
      for (const { config } of deps.pool.accounts) Object.assign(config, { healSignatures: true });
      t.mock.method(claude as Required<typeof claude>, "heal", fault);
    },
  },
  "refreshing a credential": {
    behaviour: longRefusal,
    throwAt(t, { deps }) {
      t.mock.method(claude, "readFailure", () => ({ kind: "unauthorized", reason: "no" }));
      t.mock.method(deps.credentials, "refresh", laterFault);
    },
  },
};

for (const [name, { behaviour, throwAt }] of Object.entries(endless)) {
  test(`a throw while ${name} closes the connection to a provider that is still answering`, async (t) => {
    const pipeline = await startPipeline(t, ["a"]);
    const { upstream } = pipeline;
    upstream.on(() => true, behaviour);
    throwAt(t, pipeline);
    const thrownBefore = thrown;
    const sink = await pipeline.ask("/v1/messages", memorySource(body));
    assert.deepEqual([sink.head?.status, thrown - thrownBefore], [500, 1]);
    await until("the connection is closed", () => upstream.requests[0]?.closedAt !== undefined);
  });
}
