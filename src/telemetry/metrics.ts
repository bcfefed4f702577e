// The metrics of `/metrics`, with names and units after Prometheus' conventions: what is counted for each request is counted here, in
// plain maps. exposition.ts, which is loaded at the first scrape, writes them down.

import type { Family } from "../domain/family.ts";
import type { Exposition } from "./exposition.ts";

export interface Metrics {
  requestFinished(request: FinishedRequest): void;
  /** A request that was turned away before it was read; `reason` is the code of the relay's error. */
  requestRefused(request: { reason: string }): void;
  /** One attempt on one account; `result` is "ok" or the kind of failure. */
  attemptFinished(attempt: { account: string; family: Family; result: string }): void;
  /** A request moved to another account before its client noticed. */
  failedOver(move: { family: Family; reason: string }): void;
  streamOpened(family: Family): void;
  streamClosed(family: Family): void;
  /** The Prometheus text. */
  render(): Promise<string>;
  readonly contentType: string;
}

export interface FinishedRequest {
  family: Family;
  route: string;
  outcome: string;
  status: number;
  account: string;
  firstByteMs: number | undefined;
  /** By kind: `input`, `output`, `cache_write`, `cache_read`. */
  tokens: Record<string, number>;
}

export interface MetricsOptions {
  version: string;
  /** Asked at every scrape. */
  accounts(): { id: string; family: Family; state: string }[];
}

export function createMetrics({ version, accounts }: MetricsOptions): Metrics {
  const requests = createTally({
    name: "cc_relay_requests_total",
    help: "Requests by API family, route, outcome and status code.",
    labelNames: ["family", "route", "outcome", "code"],
  });
  const refused = createTally({
    name: "cc_relay_refused_requests_total",
    help: "Requests turned away before they were read, by the code of the error: a wrong key, host, path or size.",
    labelNames: ["reason"],
  });
  const attempts = createTally({
    name: "cc_relay_attempts_total",
    help: "Attempts on accounts by result: ok, or the kind of failure.",
    labelNames: ["family", "account", "result"],
  });
  const failovers = createTally({
    name: "cc_relay_failovers_total",
    help: "Requests that moved to another account before the client noticed, by the failure that moved them.",
    labelNames: ["family", "reason"],
  });
  const tokens = createTally({
    name: "cc_relay_tokens_total",
    help: "Tokens that providers reported, by account and kind.",
    labelNames: ["family", "account", "kind"],
  });
  const tallies = [requests, refused, attempts, failovers, tokens];
  const firstBytes = new Map<Family, Times>();
  const openAnswers = new Map<Family, number>();
  const countOpen = (family: Family, change: number) =>
    void openAnswers.set(family, (openAnswers.get(family) ?? 0) + change);
  let exposition: Promise<Exposition> | undefined;

  async function loadExposition(): Promise<Exposition> {
    const { createExposition } = await import("./exposition.ts");
    return createExposition({ version, accounts, tallies, firstBytes, openAnswers });
  }

  return {
    requestFinished({ family, route, outcome, status, account, firstByteMs, tokens: counted }) {
      requests.add(1, family, route, outcome, String(status));
      if (firstByteMs !== undefined) addTime(firstBytes, family, firstByteMs / 1000);
      for (const kind in counted) if (counted[kind]) tokens.add(counted[kind], family, account, kind);
    },
    requestRefused: ({ reason }) => refused.add(1, reason),
    attemptFinished: ({ family, account, result }) => attempts.add(1, family, account, result),
    failedOver: ({ family, reason }) => failovers.add(1, family, reason),
    streamOpened: (family) => countOpen(family, 1),
    streamClosed: (family) => countOpen(family, -1),
    async render() {
      exposition ??= loadExposition();
      return (await exposition).render();
    },
    contentType: "text/plain; version=0.0.4; charset=utf-8",
  };
}

/** A counter by the values of its labels. */
export interface Tally {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** The labels' values in the order of their names. */
  readonly counts: ReadonlyMap<string, { values: readonly string[]; count: number }>;
  add(by: number, ...values: string[]): void;
}

/** Not prom-client's own, which makes and hashes an object of labels each time. */
function createTally(described: Pick<Tally, "name" | "help" | "labelNames">): Tally {
  const counts = new Map<string, { values: string[]; count: number }>();
  return {
    ...described,
    counts,
    add(by, ...values) {
      const key = values.join("\n");
      const known = counts.get(key);
      if (known) known.count += by;
      else counts.set(key, { values, count: by });
    },
  };
}

/** In seconds; the last one has no bound. */
export const timeBounds: readonly number[] = [
  ...[0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300],
  Number.POSITIVE_INFINITY,
];

/** How many times were within each bound but not within the one before. */
export interface Times {
  counts: number[];
  /** Of all, in seconds. */
  sum: number;
}

function addTime(times: Map<Family, Times>, family: Family, seconds: number): void {
  let known = times.get(family);
  if (known === undefined) {
    known = { counts: timeBounds.map(() => 0), sum: 0 };
    times.set(family, known);
  }
  known.counts[timeBounds.findIndex((bound) => seconds <= bound)]! += 1;
  known.sum += seconds;
}
