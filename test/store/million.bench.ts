// How long a million usage rows take to record, roll up and sum. Run by hand: node test/store/million.bench.ts

import { randomUUID } from "node:crypto";
import type { Store } from "../../src/store/store.ts";
import { createSqliteHarness } from "./harness.ts";
import { insertManyRows } from "./many-rows.ts";
import { day, usageRow } from "./rows.ts";

const now = Date.now();
const harness = await createSqliteHarness();
try {
  const store = await harness.open();
  await timed("insert 1,000,000 rows", async () =>
    insertManyRows(harness.path, { count: 1_000_000, from: now - 400 * day, to: now }),
  );
  await summaries(store, "without roll-up");

  const steps: number[] = [];
  await timed("roll up", async () => {
    for (let more = true; more; ) {
      const started = performance.now();
      more = await store.usage.maintain(now, 500 * day);
      steps.push(performance.now() - started);
    }
  });
  steps.sort((a, b) => a - b);
  say(`  ${steps.length} steps, median ${ms(at(0.5))}, p99 ${ms(at(0.99))}, longest ${ms(at(1))}`);
  await summaries(store, "rolled up");

  for (const [name, id] of [
    ["random", () => randomUUID()],
    ["by time", (time: number) => `${time.toString(36)}-${randomUUID().slice(0, 12)}`],
  ] as const) {
    const rows = Array.from({ length: 10_000 }, (_, i) => usageRow(id(now + i * 50), { time: now + i * 50 }));
    const cpu = process.cpuUsage();
    const started = performance.now();
    for (const row of rows) await store.usage.record(row);
    const { user, system } = process.cpuUsage(cpu);
    say(
      `record, ids ${name}: ${((performance.now() - started) / 10).toFixed(0)} µs, CPU ${((user + system) / 10_000).toFixed(0)} µs`,
    );
  }

  function at(share: number): number {
    return steps[Math.min(steps.length - 1, Math.floor(share * steps.length))] ?? 0;
  }
} finally {
  await harness.dispose();
}

async function summaries(store: Store, title: string): Promise<void> {
  for (const by of ["day", "account", "model"] as const) {
    for (const [period, since] of [
      ["all time", 0],
      ["30 days", now - 30 * day],
    ] as const) {
      await timed(`${title}: ${period} by ${by}`, () =>
        store.usage.summarize({ since, until: now + day, by }),
      );
    }
  }
  await timed(`${title}: activity of 24 h`, () => store.usage.activity(now - day));
}

async function timed(title: string, work: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  await work();
  say(`${title}: ${ms(performance.now() - started)}`);
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
