// The metrics of `/metrics`, with names and units after Prometheus' conventions.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Family } from "../domain/family.ts";

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
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  // Gauges with the ending of a counter, which `promtool check metrics` refuses; each exists without it per type too.
  for (const kind of ["handles", "requests", "resources"])
    registry.removeSingleMetric(`nodejs_active_${kind}_total`);
  new Gauge({
    name: "cc_relay_build_info",
    help: "The version that runs; always 1.",
    labelNames: ["version"],
    registers,
  }).set({ version }, 1);
  const requests = createTally(registry, {
    name: "cc_relay_requests_total",
    help: "Requests by API family, route, outcome and status code.",
    labelNames: ["family", "route", "outcome", "code"],
  });
  const refused = createTally(registry, {
    name: "cc_relay_refused_requests_total",
    help: "Requests turned away before they were read, by the code of the error: a wrong key, host, path or size.",
    labelNames: ["reason"],
  });
  const attempts = createTally(registry, {
    name: "cc_relay_attempts_total",
    help: "Attempts on accounts by result: ok, or the kind of failure.",
    labelNames: ["family", "account", "result"],
  });
  const failovers = createTally(registry, {
    name: "cc_relay_failovers_total",
    help: "Requests that moved to another account before the client noticed, by the failure that moved them.",
    labelNames: ["family", "reason"],
  });
  const tokens = createTally(registry, {
    name: "cc_relay_tokens_total",
    help: "Tokens that providers reported, by account and kind.",
    labelNames: ["family", "account", "kind"],
  });
  const firstByte = new Histogram({
    name: "cc_relay_first_byte_seconds",
    help: "Time from the request to the first byte of its answer.",
    labelNames: ["family"],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300],
    registers,
  });
  const openAnswers = new Map<Family, number>();
  new Gauge({
    name: "cc_relay_open_answers",
    help: "Answers that are being sent now.",
    labelNames: ["family"],
    registers,
    collect() {
      for (const [family, open] of openAnswers) this.set({ family }, open);
    },
  });
  const countOpen = (family: Family, change: number) =>
    void openAnswers.set(family, (openAnswers.get(family) ?? 0) + change);
  new Gauge({
    name: "cc_relay_account_state",
    help: "1 for the state each account is in.",
    labelNames: ["family", "account", "state"],
    registers,
    collect() {
      this.reset();
      for (const { id, family, state } of accounts()) this.set({ family, account: id, state }, 1);
    },
  });

  return {
    requestFinished({ family, route, outcome, status, account, firstByteMs, tokens: counted }) {
      requests.add(1, family, route, outcome, String(status));
      if (firstByteMs !== undefined) firstByte.observe({ family }, firstByteMs / 1000);
      for (const kind in counted) if (counted[kind]) tokens.add(counted[kind], family, account, kind);
    },
    requestRefused: ({ reason }) => refused.add(1, reason),
    attemptFinished: ({ family, account, result }) => attempts.add(1, family, account, result),
    failedOver: ({ family, reason }) => failovers.add(1, family, reason),
    streamOpened: (family) => countOpen(family, 1),
    streamClosed: (family) => countOpen(family, -1),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

interface Tally {
  /** The labels' values in the order of their names. */
  add(by: number, ...values: string[]): void;
}

/** A counter of prom-client's that is filled at a scrape: its own counting makes and hashes an object of labels each time. */
function createTally(
  registry: Registry,
  { labelNames, ...described }: { name: string; help: string; labelNames: readonly string[] },
): Tally {
  const counts = new Map<string, { values: string[]; count: number }>();
  new Counter({
    ...described,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const { values, count } of counts.values())
        this.inc(Object.fromEntries(labelNames.map((name, at) => [name, values[at]!])), count);
    },
  });
  return {
    add(by, ...values) {
      const key = values.join("\n");
      const known = counts.get(key);
      if (known) known.count += by;
      else counts.set(key, { values, count: by });
    },
  };
}
