// Writes the metrics down in Prometheus' text format at a scrape. Loaded with the first one: prom-client is a twentieth of the start, and
// measures the process (event loop, garbage collection) from then on.

import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Family } from "../domain/family.ts";
import { type MetricsOptions, type Tally, type Times, timeBounds } from "./metrics.ts";

export interface Exposition {
  render(): Promise<string>;
}

export interface Counted extends MetricsOptions {
  tallies: readonly Tally[];
  firstBytes: ReadonlyMap<Family, Times>;
  openAnswers: ReadonlyMap<Family, number>;
}

export function createExposition(counted: Counted): Exposition {
  const { version, accounts, tallies, firstBytes, openAnswers } = counted;
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
  for (const { name, help, labelNames, counts } of tallies) {
    new Counter({
      ...{ name, help, labelNames, registers },
      collect() {
        this.reset();
        for (const { values, count } of counts.values())
          this.inc(Object.fromEntries(labelNames.map((label, at) => [label, values[at]!])), count);
      },
    });
  }
  new Gauge({
    name: "cc_relay_open_answers",
    help: "Answers that are being sent now.",
    labelNames: ["family"],
    registers,
    collect() {
      for (const [family, open] of openAnswers) this.set({ family }, open);
    },
  });
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
    render: async () => `${await registry.metrics()}\n${renderFirstBytes(firstBytes)}`,
  };
}

/** A histogram of prom-client's can only be filled one time after another. */
function renderFirstBytes(firstBytes: ReadonlyMap<Family, Times>): string {
  const name = "cc_relay_first_byte_seconds";
  const lines = [
    `# HELP ${name} Time from the request to the first byte of its answer.`,
    `# TYPE ${name} histogram`,
  ];
  for (const [family, { counts, sum }] of firstBytes) {
    let within = 0;
    for (const [at, bound] of timeBounds.entries()) {
      within += counts[at]!;
      const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : bound;
      lines.push(`${name}_bucket{le="${le}",family="${family}"} ${within}`);
    }
    lines.push(`${name}_sum{family="${family}"} ${sum}`, `${name}_count{family="${family}"} ${within}`);
  }
  return `${lines.join("\n")}\n`;
}
