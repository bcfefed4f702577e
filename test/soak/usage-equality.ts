// What is recorded equals what was served, to the token, over many requests of every kind: whole and streamed, cut, aborted,
// compressed, failed over. `node test/soak/usage-equality.ts [--short] [--requests N] [--only WORDS]…`: `--only` chooses the kinds whose
// names have the words.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { accountOf, accountsOf, cases, type DialectCase, leadTo } from "../relay/cases.ts";
import { paymentCases } from "../relay/payment-cases.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import type { Behaviour, RecordedRequest } from "../support/behaviour.ts";
import { begin } from "../support/client.ts";
import { startRelay, type TestRelay } from "../support/relay.ts";
import { until } from "../support/until.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

const { values: flags } = parseArgs({
  options: {
    short: { type: "boolean" },
    requests: { type: "string" },
    only: { type: "string", multiple: true, default: [""] },
  },
});
/** Per dialect. */
const requests = Number(flags.requests ?? (flags.short ? 250 : 10_000));
const atOnce = 20;

/** What becomes of one request, by its number. */
interface Fate {
  stream: boolean;
  behaviour: Behaviour;
  encoding: string | undefined;
  /** The client leaves when the upstream has come to this event. */
  leavesAt: number | undefined;
}

const encodings = [undefined, undefined, undefined, "gzip", "br", "zstd"] as const;

function fateOf(index: number, dialect: DialectCase): Fate {
  const pick = (count: number, salt: number) =>
    Math.floor((index * 2_654_435_761 + salt * 40_503) / 65_536) % count;
  const stream = pick(10, 1) < 7;
  const encoding = dialect.isNative ? encodings[pick(encodings.length, 2)] : undefined;
  const events = 2 + pick(30, 3);
  const behaviour: Behaviour = {
    events,
    encoding,
    pings: pick(5, 4) === 0 ? 2 : 0,
    newline: pick(4, 5) === 0 ? "\r\n" : undefined,
    chunking: (["event", "event", "event", "merged", "utf8"] as const)[pick(5, 6)],
  };
  const how = pick(20, 7);
  if (!stream || how > 5) return { stream, behaviour, encoding, leavesAt: undefined };
  if (how > 2)
    return {
      stream,
      behaviour: { ...behaviour, chunking: "event" },
      encoding,
      leavesAt: 1 + pick(events, 8),
    };
  const cut = { afterEvents: 1 + pick(events, 9), how: (["rst", "fin", "clean"] as const)[how] ?? "rst" };
  return { stream, behaviour: { ...behaviour, chunking: "event", cut }, encoding, leavesAt: undefined };
}

/** Requests whose clients leave, by dialect and number: when the upstream has come to the event, it says so. */
const arrivals = new Map<string, { reached(): void; request?: RecordedRequest }>();

for (const dialect of Object.values({ ...cases, ...paymentCases }))
  if (flags.only.some((words) => dialect.name.includes(words))) await compare(dialect);

async function compare(dialect: DialectCase): Promise<void> {
  const begun = performance.now();
  const upstream = await startUpstream({ family: dialect.family });
  const authorization = dialect.login && (await startAuthorizationServer());
  const relay = await startDialect(dialect, upstream, authorization);
  try {
    const outcomes: Record<string, number> = {};
    const left: number[] = Array.from({ length: requests }, (_, index) => index);
    const note = (outcome: string) => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1);
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let index = left.pop(); index !== undefined; index = left.pop())
          note(await askOnce(index, { dialect, upstream, relay }));
      }),
    );
    const { total } = await until("every request is recorded", async () => {
      const summary = await relay.store.usage.summarize({ since: 0, until: Date.now() + 60_000, by: "day" });
      return summary.total.requests >= requests && summary;
    });
    assert.equal(total.requests, requests);
    assert.deepEqual(total.tokens, upstream.total(), dialect.name);
    assert.deepEqual(
      relay.log.filter(({ level }) => level === "error"),
      [],
    );
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    process.stdout.write(
      `${dialect.name}: ${requests} requests in ${seconds} s, equal: ${JSON.stringify(outcomes)}\n`,
    );
  } finally {
    await relay.close();
    await upstream.close();
    await authorization?.close();
  }
}

async function startDialect(
  dialect: DialectCase,
  upstream: ScriptedUpstream,
  authorization: AuthorizationServer | undefined,
): Promise<TestRelay> {
  const relay = await startRelay({
    accounts: accountsOf(dialect, { url: upstream.url, authorization }),
    configure: leadTo(upstream.url, dialect, authorization),
  });
  upstream.on(
    () => true,
    (request) => {
      const index = Number(/question (\d+)/.exec(request.body.toString())?.[1]);
      // Now and then the first account has a fault, and the second one answers.
      if (accountOf(request.credential) === "first" && index % 37 === 0)
        return { breakOff: { when: "before-headers", how: "rst" } };
      return behaviourFor(index, dialect, request);
    },
  );
  return relay;
}

function behaviourFor(index: number, dialect: DialectCase, request: RecordedRequest): Behaviour {
  const { behaviour, leavesAt } = fateOf(index, dialect);
  if (leavesAt === undefined) return behaviour;
  const arrival = arrivals.get(`${dialect.name} ${index}`)!;
  arrival.request = request;
  return {
    ...behaviour,
    gate(event) {
      if (event < leavesAt) return undefined;
      arrival.reached();
      return new Promise(() => {});
    },
  };
}

async function askOnce(
  index: number,
  { dialect, upstream, relay }: { dialect: DialectCase; upstream: ScriptedUpstream; relay: TestRelay },
): Promise<string> {
  const { stream, encoding, leavesAt } = fateOf(index, dialect);
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  const arrival: { reached(): void; request?: RecordedRequest } = { reached: resolve };
  arrivals.set(`${dialect.name} ${index}`, arrival);
  const request = dialect.request({
    stream,
    session: `s${index % 50}`,
    text: `question ${index}`,
    headers: encoding === undefined ? [] : ["accept-encoding", encoding],
  });
  const asked = begin(relay.url, request);
  try {
    if (leavesAt === undefined) return (await (await asked.answer).finish()).end;
    const whole = asked.answer.then((answer) => answer.finish()).then(({ end }) => end);
    whole.catch(() => {});
    // An answer can be shorter than the event at which its client leaves.
    const ended = await Promise.race([reached.then(() => undefined), whole]);
    if (ended !== undefined) return ended;
    await taken(arrival.request!);
    asked.abort();
    await whole.catch(() => {});
    return "aborted";
  } catch (error) {
    assert.fail(`request ${index}: ${String(error)}; ${upstream.requests.length} requests`);
  }
}

/** Gives the relay time to read what the upstream has sent: what is still on the way cannot be known to it. */
async function taken(request: RecordedRequest): Promise<void> {
  for (let before = -1; before !== request.bytesSent; await sleep(40)) before = request.bytesSent;
}
