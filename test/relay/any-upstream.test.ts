// Whatever three accounts' providers do and whenever clients leave: a client gets a good answer, the provider's own error, an
// error of the relay in its API's form, or a connection that breaks off. Never an account's 401 or 403, and never a wrong bill.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import type { Behaviour } from "../support/behaviour.ts";
import { begin, type ClientAnswer } from "../support/client.ts";
import { draws } from "../support/draws.ts";
import { startRelay, type TestRelay } from "../support/relay.ts";
import { until } from "../support/until.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { accountsOf, type DialectCase, dialectCases } from "./cases.ts";

interface Step {
  session: number;
  stream: boolean;
  /** Milliseconds after which the client leaves; undefined: it stays. */
  leavesAfter: number | undefined;
  /** Is sent together with the next one. */
  together: boolean;
}

interface Plan {
  /** Prints as its name only. */
  dialect: DialectCase & { [fc.toStringMethod](): string };
  /** What the upstream does with its first, second … request; good answers follow. */
  behaviours: Behaviour[];
  steps: Step[];
}

function behaviours(dialect: DialectCase): fc.Arbitrary<Behaviour> {
  const errors = [...Object.values(dialect.failsOver), ...Object.values(dialect.passedOn)];
  const how = fc.constantFrom("rst" as const, "fin" as const);
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...errors).map((make) => make()) },
    { weight: 1, arbitrary: fc.constant(dialect.limited(Date.now() + 1000)) },
    { weight: 1, arbitrary: fc.constant(dialect.unauthorized()) },
    { weight: 1, arbitrary: fc.constant(dialect.firstEventError) },
    { weight: 1, arbitrary: fc.constant<Behaviour>({ hang: true }) },
    {
      weight: 2,
      arbitrary: fc
        .record({ afterEvents: fc.integer({ min: 0, max: 6 }), how })
        .map((cut): Behaviour => ({ events: 8, cut })),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({ when: fc.constantFrom("before-body" as const, "before-headers" as const), how })
        .map((breakOff): Behaviour => ({ breakOff })),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        events: fc.integer({ min: 1, max: 12 }),
        pings: fc.integer({ min: 0, max: 2 }),
        betweenEvents: fc.constantFrom(0, 0, 5),
        chunking: fc.constantFrom("event" as const, "merged" as const, "utf8" as const),
      }),
    },
  );
}

const step: fc.Arbitrary<Step> = fc.record({
  session: fc.integer({ min: 0, max: 2 }),
  stream: fc.boolean(),
  leavesAfter: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined, freq: 4 }),
  together: fc.boolean(),
});

const named = dialectCases.map((dialect) => ({ ...dialect, [fc.toStringMethod]: () => dialect.name }));

const plans: fc.Arbitrary<Plan> = fc.constantFrom(...named).chain((dialect) =>
  fc.record({
    dialect: fc.constant(dialect),
    behaviours: fc.array(behaviours(dialect), { maxLength: 14 }),
    steps: fc.array(step, { minLength: 1, maxLength: 8 }),
  }),
);

interface Ended {
  answer: ClientAnswer | undefined;
  /** The client left before the end. */
  left: boolean;
}

async function perform(
  { session, stream, leavesAfter }: Step,
  { dialect }: Plan,
  relay: TestRelay,
): Promise<Ended> {
  const asked = begin(relay.url, dialect.request({ session: `s${session}`, stream, text: `of ${session}` }));
  let left = false;
  const timer =
    leavesAfter === undefined
      ? undefined
      : setTimeout(() => {
          left = true;
          asked.abort();
        }, leavesAfter);
  try {
    const answer = await (await asked.answer).finish();
    return { answer, left: left && answer.end === "cut" };
  } catch (error) {
    assert.ok(left, `no answer at all: ${String(error)}`);
    return { answer: undefined, left };
  } finally {
    clearTimeout(timer);
  }
}

/** One of the four endings; throws for anything else. */
function classify(
  { answer, left }: Ended,
  { dialect, behaviours: scripted }: Plan,
  { stream }: Step,
): string {
  if (answer === undefined || left) return "left";
  const said = `${answer.status} ${answer.header("x-cc-relay-error") ?? ""} ${answer.end}: ${answer.text.slice(0, 500)}`;
  assert.ok(![401, 403].includes(answer.status), said);
  if (answer.end === "cut") {
    assert.equal(answer.status, 200, said);
    return "cut";
  }
  if (answer.status === 200) {
    if (!isWhole(answer.text, dialect, stream)) assert.ok(isPassedError(answer.text, dialect), said);
    return "good";
  }
  const { error } = answer.json() as { error: { message: string } };
  assert.ok(error.message.length > 0, said);
  if (answer.header("x-cc-relay-error") !== undefined) {
    assert.ok([404, 429, 502, 503, 504, 529].includes(answer.status), said);
    return "relay's error";
  }
  // A converted error has another status and other words.
  if (!dialect.isConverted) {
    const known = scripted.map(({ status, body }) => `${status} ${JSON.stringify(body)}`);
    assert.ok(known.includes(`${answer.status} ${JSON.stringify(answer.json())}`), `never said: ${said}`);
  }
  return "provider's error";
}

function isWhole(text: string, dialect: DialectCase, stream: boolean): boolean {
  if (dialect.isConverted) return /data: \[DONE\]|"finish_reason":"stop"/.test(text) && !/"error"/.test(text);
  const endings = {
    claude: /"message_stop"|"stop_reason":"end_turn"/,
    gemini: /"finishReason":"STOP"/,
    openai: /"status":"completed"/,
  };
  return endings[dialect.family].test(text) && (stream || text.startsWith("{"));
}

/** An error event that came when it could no longer move the request, or a converted stream's word for a cut. */
function isPassedError(text: string, { isConverted }: DialectCase): boolean {
  return isConverted
    ? /"error"/.test(text) && !text.includes("[DONE]")
    : /"error"|response\.failed/.test(text);
}

async function holds(plan: Plan, upstream: ScriptedUpstream): Promise<void> {
  upstream.reset();
  const left = [...plan.behaviours];
  upstream.on(
    () => true,
    () => left.shift() ?? {},
  );
  const relay = await startRelay({
    accounts: accountsOf(plan.dialect, { url: upstream.url, ids: ["a", "b", "c"] }),
    configure: (config) => ({
      ...config,
      upstream: { ...config.upstream, firstByteTimeoutMs: 150, unstreamedTimeoutMs: 150 },
      session: { ...config.session, maxWaitMs: 20 },
    }),
  });
  try {
    const endings: string[] = [];
    let running: Promise<void>[] = [];
    for (const each of plan.steps) {
      running.push(
        perform(each, plan, relay).then((ended) => void endings.push(classify(ended, plan, each))),
      );
      if (each.together) continue;
      await Promise.all(running);
      running = [];
    }
    await Promise.all(running);
    await assertBill(plan, endings, { relay, upstream });
  } finally {
    await relay.close();
  }
}

async function assertBill(
  { steps }: Plan,
  endings: string[],
  { relay, upstream }: { relay: TestRelay; upstream: ScriptedUpstream },
): Promise<void> {
  const lines = () => relay.log.filter(({ message }) => message === "request").length;
  const hasLeft = endings.includes("left");
  if (hasLeft) await sleep(50);
  else await until("every request is over", () => lines() === steps.length);
  const { total } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "day" });
  assert.equal(total.requests, lines(), "one row for each request that was read");
  const served = upstream.total();
  // What a provider sends to a client that is leaving may or may not be read on the way.
  if (!hasLeft) assert.deepEqual(total.tokens, served);
  else assert.ok(total.tokens.output <= served.output && total.tokens.input <= served.input);
  assert.deepEqual(
    relay.log.filter(({ level }) => level === "error"),
    [],
  );
}

test("any behaviour of the providers ends in one of four ways, and the bill is right", async (t) => {
  const upstreams = new Map<string, ScriptedUpstream>();
  for (const { family } of dialectCases) {
    if (upstreams.has(family)) continue;
    const upstream = await startUpstream({ family });
    t.after(() => upstream.close());
    upstreams.set(family, upstream);
  }
  await fc.assert(
    fc.asyncProperty(plans, (plan) => holds(plan, upstreams.get(plan.dialect.family)!)),
    { numRuns: draws(40), seed: Number(process.env.CC_RELAY_SEED ?? 20261130) },
  );
});
