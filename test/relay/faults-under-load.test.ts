// A throw now and then under load: as many requests are lost as throws were met, at most, and all the others get whole answers.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createSlowStart } from "../../src/accounts/slow-start.ts";
import { matchRoute } from "../../src/dialects/registry.ts";
import type { RelayEventName } from "../../src/relay/events.ts";
import type { Exchange } from "../../src/relay/exchange.ts";
import { claudeUpstream } from "../../src/upstreams/claude.ts";
import type { Behaviour, RecordedRequest } from "../support/behaviour.ts";
import { claudeError, claudeFailures } from "../support/claude-script.ts";
import { createManualTime } from "../support/manual-time.ts";
import { memorySource } from "../support/memory-client.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { until } from "../support/until.ts";

const atOnce = 30;
const every = 4;

/** Throws at every fourth call of all that it makes. */
class Faults {
  thrown = 0;
  #calls = 0;

  strike(): void {
    if (++this.#calls % every !== 0) return;
    this.thrown++;
    throw new Error("injected");
  }

  /** In the object's own place, until the test is over. */
  into(t: TestContext, target: object, name: string): void {
    const methods = target as Record<string, (...args: unknown[]) => unknown>;
    const original = methods[name]!;
    const strike = () => this.strike();
    t.mock.method(methods, name, function (this: unknown, ...args: unknown[]) {
      strike();
      return original.apply(this, args);
    });
  }
}

interface Seam {
  inject(t: TestContext, faults: Faults, pipeline: Pipeline): void;
  /** Of the first account; a good stream unless given. */
  first?: Behaviour | ((request: RecordedRequest) => Behaviour);
  /** No request is lost at all. */
  isHarmless?: boolean;
  exchange?(faults: Faults): Partial<Exchange>;
  path?: "/v1/messages" | "/v1/chat/completions";
}

const upstreamSeam = (name: keyof typeof claudeUpstream, more: Partial<Seam> = {}): Seam => ({
  inject: (t, faults) => faults.into(t, claudeUpstream, name),
  ...more,
});
const overloaded = {
  firstEvent: { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
};
const chat = matchRoute("POST", "/v1/chat/completions")!.dialect;

/** The named method of what rewrites an answer throws. */
const transformSeam = (name: "push" | "end"): Seam => ({
  path: "/v1/chat/completions",
  inject() {},
  exchange: (faults) => ({
    dialect: {
      ...chat,
      async convert(call) {
        const converted = await chat.convert!(call);
        return {
          ...converted,
          answer(head) {
            const transform = converted.answer(head);
            const method = transform[name] as (chunk: Buffer) => Buffer;
            const struck = (chunk: Buffer) => {
              faults.strike();
              return method(chunk);
            };
            return Object.defineProperty(transform, name, { value: struck });
          },
        };
      },
    },
  }),
});

/** The named method of what observes an answer throws: it is dropped, and the answer goes on. */
const observerSeam = (name: "push" | "end"): Seam => ({
  isHarmless: true,
  inject(t, faults) {
    const observe = claudeUpstream.observe;
    t.mock.method(claudeUpstream, "observe", (...args: Parameters<typeof observe>) => {
      const observer = observe(...args);
      const method = observer[name].bind(observer) as (chunk: Buffer) => void;
      return Object.assign(observer, {
        [name](chunk: Buffer) {
          faults.strike();
          method(chunk);
        },
      });
    });
  },
});

/** The first account refuses what it has not made itself, and its owner allows it to be taken out. */
const healingSeam: Seam = {
  path: "/v1/messages",
  inject(t, faults, { deps }) {
    for (const { config } of deps.pool.accounts) Object.assign(config, { healSignatures: true });
    faults.into(t, claudeUpstream, "heal");
  },
  first: ({ body }) =>
    body.includes('"thinking"')
      ? claudeError(400, { message: "messages.1.content.0: Invalid `signature` in `thinking` block" })
      : {},
};

const passOn = {
  headers: [],
  push: (chunk: Buffer) => chunk,
  end: () => Buffer.alloc(0),
  fail: () => undefined,
};

/** A provider whose answers are to be unwrapped, for a client of its own API: none is asked for, or what does it is made. */
const translationSeam = (when: "asked" | "made"): Seam => ({
  path: "/v1/messages",
  inject(t, faults) {
    const translate = () => {
      if (when === "asked") faults.strike();
      return () => {
        if (when === "made") faults.strike();
        return passOn;
      };
    };
    Object.assign(claudeUpstream, { translate });
    t.after(() => Reflect.deleteProperty(claudeUpstream, "translate"));
  },
});

const eventNames: readonly RelayEventName[] = [
  ...(["requestStarted", "attemptStarted", "attemptFinished", "failedOver"] as const),
  ...(["answerStarted", "requestFinished", "requestRefused", "accountChanged"] as const),
];

const seams: Record<string, Seam> = {
  "preparing the request": upstreamSeam("prepare"),
  "making an observer": upstreamSeam("observe", { isHarmless: true }),
  "observing a chunk": observerSeam("push"),
  "observing the end": observerSeam("end"),
  "reading windows": upstreamSeam("readWindows"),
  "dropping headers": upstreamSeam("isAccountHeader"),
  "classifying a failure": upstreamSeam("readFailure", { first: claudeFailures.serverError(500) }),
  "classifying an error event": upstreamSeam("readErrorEvent", { first: overloaded }),
  "finding the session": { inject: (t, faults, { deps }) => faults.into(t, deps.bindings, "find") },
  "binding the session": { inject: (t, faults, { deps }) => faults.into(t, deps.bindings, "bind") },
  "choosing an account": { inject: (t, faults, { deps }) => faults.into(t, deps.pool, "choose") },
  "noting a success": { inject: (t, faults, { deps }) => faults.into(t, deps.pool, "succeeded") },
  "noting the end": { inject: (t, faults, { deps }) => faults.into(t, deps.pool, "ended") },
  "noting a failure": {
    inject: (t, faults, { deps }) => faults.into(t, deps.pool, "failed"),
    first: claudeFailures.serverError(500),
  },
  "getting the credential": { inject: (t, faults, { deps }) => faults.into(t, deps.credentials, "get") },
  "recording usage": { inject: (t, faults, { deps }) => faults.into(t, deps.usage, "record") },
  "listening to events": {
    isHarmless: true,
    inject(_, faults, { deps }) {
      for (const name of eventNames) deps.events.on(name, () => faults.strike());
    },
  },
  "healing a request": healingSeam,
  "asking for a translation": translationSeam("asked"),
  "making a translation": translationSeam("made"),
  "rewriting a chunk": transformSeam("push"),
  "rewriting the end": transformSeam("end"),
};

const body = (index: number) => ({
  model: "claude-opus-5-5",
  max_tokens: 10,
  stream: index % 3 !== 0,
  messages: [
    { role: "user", content: `${index}` },
    { role: "assistant", content: [{ type: "thinking", thinking: "Hm.", signature: "x" }] },
    { role: "user", content: "Go on." },
  ],
});

for (const [name, seam] of Object.entries(seams)) {
  test(`throws now and then while ${name}: no other request under the same load notices`, async (t) => {
    const { timers, run } = createManualTime();
    t.after(run(50).stop);
    const pipeline = await startPipeline(t, ["a", "b"], () => ({
      timers,
      slowStart: createSlowStart({ timers }),
    }));
    const { upstream, ask, events } = pipeline;
    const faults = new Faults();
    if (seam.first) upstream.on({ credential: "key-of-a" }, seam.first);
    seam.inject(t, faults, pipeline);
    const sinks = await Promise.all(
      Array.from({ length: atOnce }, (_, index) => {
        const path = seam.path ?? (index % 2 === 0 ? "/v1/messages" : "/v1/chat/completions");
        return ask(path, memorySource(body(index)), seam.exchange?.(faults));
      }),
    );
    assert.ok(faults.thrown > 0, "nothing was thrown");
    const lost = sinks.filter((sink) => !isWhole(sink));
    assert.ok(
      lost.length <= (seam.isHarmless ? 0 : faults.thrown),
      `${lost.length} of ${atOnce} were lost to ${faults.thrown} throws: ${lost.map(({ head, ending, text }) => `${head?.status} ${ending} ${text.slice(0, 100)}`).join("\n")}`,
    );
    for (const { ending } of sinks) assert.notEqual(ending, undefined);
    await until("no connection is left open", () =>
      upstream.requests.every(({ closedAt }) => closedAt !== undefined),
    );
    const count = (wanted: string) => events.filter((event) => event.name === wanted).length;
    assert.equal(count("requestFinished"), count("requestStarted"));
  });
}

function isWhole({ head, ending, text }: Awaited<ReturnType<Pipeline["ask"]>>): boolean {
  return (
    head?.status === 200 &&
    ending === "clean" &&
    /message_stop|\[DONE\]|"type":"message"|"finish_reason":"/.test(text)
  );
}
