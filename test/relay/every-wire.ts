// The ways in which one good answer can come over a network: content coding, framing, where it is divided, pauses, and how fast its
// client reads. Whatever they are, the bytes and the usage are the same, and the relay answers others meanwhile.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/time/clock.ts";
import type { Behaviour } from "../support/behaviour.ts";
import { open, send } from "../support/client.ts";
import type { ManualTime } from "../support/manual-time.ts";
import { patient, queuedMs } from "../support/patience.ts";
import type { TestRelay } from "../support/relay.ts";
import { defaultText } from "../support/script.ts";
import type { ScriptedUpstream } from "../support/upstream.ts";
import { framings, networkCuts, type WireForm } from "../support/wire.ts";
import type { DialectCase } from "./cases.ts";

export interface WireCase {
  encoding: Behaviour["encoding"];
  wire: WireForm;
  stream: boolean;
  /** The client takes a moment between two reads. */
  readsSlowly: boolean;
}

const encodings = [undefined, "gzip", "deflate", "br", "zstd"] as const;

/** All combinations; or 25, in which every two values of two properties meet; or five, in which every value occurs. */
export type Extent = "all" | "pairs" | "each";

export function wireCases(pausesMs: readonly number[], extent: Extent): WireCase[] {
  if (extent === "all") return everyCase(pausesMs);
  const pairs = everyPair(pausesMs);
  return extent === "pairs" ? pairs : pairs.filter((_, index) => index % (networkCuts.length + 1) === 0);
}

function everyCase(pausesMs: readonly number[]): WireCase[] {
  return encodings.flatMap((encoding) =>
    framings.flatMap((framing) =>
      networkCuts.flatMap((cut) =>
        pausesMs.flatMap((pauseMs) =>
          [true, false].flatMap((stream) =>
            [true, false].map((readsSlowly) => ({
              ...{ encoding, wire: { framing, cut, pauseMs } },
              ...{ stream, readsSlowly },
            })),
          ),
        ),
      ),
    ),
  );
}

function everyPair(pausesMs: readonly number[]): WireCase[] {
  return encodings.flatMap((encoding, row) =>
    networkCuts.map((cut, column) => {
      const diagonal = (row + column) % 5;
      const framing = framings[(row + column) % 3]!;
      const pauseMs = pausesMs[diagonal % pausesMs.length]!;
      const stream = diagonal !== 2 && diagonal !== 3;
      return { encoding, wire: { framing, cut, pauseMs }, stream, readsSlowly: diagonal > 2 };
    }),
  );
}

export interface WireStage {
  upstream: ScriptedUpstream;
  relay: Pick<TestRelay, "url" | "store">;
  /** By which the relay waits, and the network pauses; the system's when absent. */
  time?: Pick<ManualTime, "clock" | "sleep">;
}

const atOnce = 25;

/** Rejects with the first case that goes wrong. */
export async function assertEveryWire(
  dialect: DialectCase,
  { upstream, relay, time }: WireStage,
  wires: readonly WireCase[],
): Promise<void> {
  upstream.on(
    () => true,
    ({ body }) => {
      const { encoding, wire } = wires[Number(/wire (\d+)/.exec(body.toString())?.[1])]!;
      return { encoding, wire: { ...wire, ...(time && { sleep: time.sleep }) } };
    },
  );
  const health = watchHealth(relay.url);
  const waiting = [...wires.entries()];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift())
      await assertOne(dialect, { upstream, relay }, next);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const slowestMs = await health.stop();
  assert.ok(slowestMs < patient(1500), `/health took ${Math.round(slowestMs)} ms`);
  const until = (time?.clock ?? systemClock).now() + 1000;
  const { total } = await relay.store.usage.summarize({ since: 0, until, by: "day" });
  assert.deepEqual([total.requests, total.errors], [wires.length, 0]);
  assert.deepEqual(total.tokens, upstream.total());
}

async function assertOne(
  dialect: DialectCase,
  { upstream, relay }: WireStage,
  [index, wire]: [number, WireCase],
): Promise<void> {
  const what = JSON.stringify(wire);
  const headers = wire.encoding === undefined ? [] : ["Accept-Encoding", wire.encoding];
  const { stream } = wire;
  const request = dialect.request({ stream, text: `wire ${index} `, session: `wire-${index}`, headers });
  const opened = await open(relay.url, request);
  if (wire.readsSlowly) {
    for (let reads = 0; reads < 10 && (await opened.read()) !== undefined; reads++) await sleep(5);
  }
  const answer = await opened.finish();
  assert.deepEqual([answer.status, answer.end], [200, "clean"], `${what}: ${answer.text.slice(0, 500)}`);
  const served = upstream.requests.find(({ body }) => body.includes(`wire ${index} `))!;
  if (dialect.isNative) assert.deepEqual(answer.body, served.sentBody, what);
  else assert.equal(answer.header("content-encoding") ?? "identity", codingOf(dialect, wire), what);
  if (answer.header("content-encoding") === undefined) assert.equal(textOf(answer.text), defaultText, what);
}

/** What is rewritten goes out without a coding; Code Assist's own API passes through as it is. */
function codingOf({ name }: DialectCase, { encoding }: WireCase): string {
  return name === "Code Assist's own API" ? (encoding ?? "identity") : "identity";
}

/** The answer's text, in whatever pieces and API it comes. Events that repeat the whole text at the end count once. */
function textOf(answer: string): string {
  const pieces = [...answer.matchAll(/"(?:text|content|delta)":\s*("(?:[^"\\]|\\.)*")/g)].map(
    ([, piece]) => JSON.parse(piece!) as string,
  );
  const joined = pieces.filter((piece) => piece !== defaultText).join("");
  return joined === "" || pieces.length === 1 ? (pieces[0] ?? "") : joined;
}

/** The relay and its clients are one thread here: for what other programs of the machine take from it they can do nothing. */
function ownTime(): number {
  return performance.now() - queuedMs();
}

function watchHealth(url: string): { stop(): Promise<number> } {
  let slowestMs = 0;
  let isStopped = false;
  const watching = (async () => {
    while (!isStopped) {
      const begun = ownTime();
      const { status } = await send(url, { path: "/health" });
      assert.equal(status, 200);
      slowestMs = Math.max(slowestMs, ownTime() - begun);
      await sleep(20);
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await watching;
      return slowestMs;
    },
  };
}
