// What the attacks on a real `serve` share: its folder, a provider, and a client that asks all the while.

import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { cases } from "../relay/cases.ts";
import { send } from "../support/client.ts";
import { claudeAccounts, createServeFolder, type ServeFolder } from "../support/serve-process.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

/** As long as providers keep theirs: on a machine that is late, the usual 5 s end under requests that are on their way. */
const keepAliveMs = 120_000;

export const isShort = process.argv.includes("--short");

export interface Site {
  /** Asks again and again until it is stopped, or the test is over. */
  startPulse(url: string, headers?: readonly string[]): { stop(): Promise<Pulse> };
  upstream: ScriptedUpstream;
  folder: ServeFolder;
}

/** Not started yet. */
export async function createSite(t: TestContext, ids: readonly string[] = ["a"]): Promise<Site> {
  const upstream = await startUpstream({ family: "claude", keepAliveMs });
  t.after(() => upstream.close());
  const folder = await createServeFolder(t);
  await folder.configure(claudeAccounts(upstream.url, ids));
  const startPulse: Site["startPulse"] = (url, headers) => {
    const pulse = beginPulse(url, headers);
    t.after(() => void pulse.stop());
    return pulse;
  };
  return { upstream, folder, startPulse };
}

export interface Pulse {
  /** How many answers had each status; `broken` where there was none. */
  counts: ReadonlyMap<number | "broken", number>;
  slowestMs: number;
}

function beginPulse(url: string, headers: readonly string[] = []): { stop(): Promise<Pulse> } {
  const counts = new Map<number | "broken", number>();
  let slowestMs = 0;
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      const begun = performance.now();
      const end = await ask(url, headers);
      slowestMs = Math.max(slowestMs, performance.now() - begun);
      counts.set(end, (counts.get(end) ?? 0) + 1);
      await sleep(10);
    }
  })();
  return {
    async stop() {
      isOver = true;
      await asking;
      return { counts, slowestMs: Math.round(slowestMs) };
    },
  };
}

/** The status of one ordinary request. */
export function ask(url: string, headers: readonly string[] = []): Promise<number | "broken"> {
  return send(url, cases.claude.request({ headers: [...headers] })).then(
    ({ status }) => status,
    () => "broken" as const,
  );
}

/** The usage rows in the database. */
export function rowsIn(folder: ServeFolder): Promise<number> {
  return folder.look(async (store) => (await store.requests.last({ limit: 100_000 })).length);
}

/** So many rounds in the short form, and in the long one. */
export function rounds(short: number, long: number): number[] {
  return Array.from({ length: isShort ? short : long }, (_, round) => round);
}
