// What a request, and the start, cost with many rows, accounts, keys and sessions against few of them: `npm run bench -- --growth`. In
// CPU time of this process, through the code that serves requests, without sockets. Ten million usage rows are 3 GB and some ten minutes:
// CC_RELAY_USAGE_ROWS says fewer.

import { randomBytes } from "node:crypto";
import Database from "better-sqlite3";
import { createBindings, maxBindings } from "../../src/accounts/bindings.ts";
import { selectAccount } from "../../src/accounts/select.ts";
import { authenticate } from "../../src/relay/authenticate.ts";
import { account, memoryBindingStore, selection } from "../accounts/fakes.ts";
import { createSqliteHarness } from "../store/harness.ts";
import { insertManyRows } from "../store/many-rows.ts";
import { day, usageRow } from "../store/rows.ts";

const now = Date.now();
const mostUsageRows = Number(process.env.CC_RELAY_USAGE_ROWS ?? 10_000_000);

export async function measureGrowth(): Promise<void> {
  for (const measure of [ofStickyRows, ofUsageRows, ofAccounts, ofKeys, ofSessions]) await measure();
}

async function ofStickyRows(): Promise<void> {
  for (const count of [10_000, 1_000_000]) {
    const harness = await createSqliteHarness();
    try {
      const store = await harness.open();
      insertBindings(harness.path, count);
      const load = await costOf(1, () => createBindings(store.bindings, now));
      say("sticky rows", count, "start", load);
      const bindings = await createBindings(store.bindings, now);
      say("sticky rows", count, "request", await costOf(5000, (index) => useSession(bindings, index)));
      const step = await costOf(3, async () => void (await store.bindings.trim(maxBindings, 500)));
      say("sticky rows", count, "step of maintenance", step);
    } finally {
      await harness.dispose();
    }
  }
}

async function ofUsageRows(): Promise<void> {
  for (const count of [10_000, mostUsageRows]) {
    const harness = await createSqliteHarness();
    try {
      const store = await harness.open();
      insertManyRows(harness.path, { count, from: now - 400 * day, to: now });
      while (await store.usage.maintain(now, 500 * day));
      const rows = Array.from({ length: 2000 }, (_, index) =>
        usageRow(`${(now + index).toString(36)}-${index}`, { time: now + index }),
      );
      say("usage rows", count, "row", await costOf(rows.length, (index) => store.usage.record(rows[index]!)));
      say("usage rows", count, "page of the log", await costOf(20, () => store.requests.last({ limit: 50 })));
      const today = { since: now - day, until: now + day, by: "account" } as const;
      say("usage rows", count, "sums of a day", await costOf(20, () => store.usage.summarize(today)));
      const all = { since: 0, until: now + day, by: "day" } as const;
      say("usage rows", count, "sums of all days", await costOf(3, () => store.usage.summarize(all)));
    } finally {
      await harness.dispose();
    }
  }
}

async function ofAccounts(): Promise<void> {
  for (const count of [2, 1000]) {
    const accounts = Array.from({ length: count }, (_, index) => account(`a${index}`));
    const question = selection({ sticky: `a${count - 1}` });
    say("accounts", count, "choice", await costOf(2000, () => selectAccount(accounts, question)));
  }
}

async function ofKeys(): Promise<void> {
  for (const count of [1, 10_000]) {
    const apiKeys = Array.from({ length: count }, (_, index) => ({ name: `n${index}`, key: `key-${index}` }));
    const headers = { "x-api-key": apiKeys.at(-1)!.key };
    say("client keys", count, "first request", await costOf(1, () => authenticate(headers, "", { apiKeys })));
    say("client keys", count, "request", await costOf(5000, () => authenticate(headers, "", { apiKeys })));
  }
}

async function ofSessions(): Promise<void> {
  for (const count of [100, 100_000]) {
    const bindings = await createBindings(memoryBindingStore(), now);
    for (let index = 0; index < count; index++) await useSession(bindings, index);
    say(
      "open sessions",
      count,
      "request",
      await costOf(5000, (index) => useSession(bindings, index % count)),
    );
  }
}

async function useSession(
  bindings: Awaited<ReturnType<typeof createBindings>>,
  index: number,
): Promise<void> {
  const key = `session-${index}`;
  await bindings.find("session", key, now);
  const times = { now, ttlMs: 3_600_000, renewalThresholdMs: 300_000 };
  await bindings.bind({ kind: "session", key, accountId: `a${index % 2}`, ...times });
}

function insertBindings(path: string, count: number): void {
  const database = new Database(path);
  const insert = database.prepare(
    "INSERT INTO bindings (kind, key, account_id, fallback_id, expires_at) VALUES ('session', ?, 'a', NULL, ?)",
  );
  database.transaction(() => {
    for (let index = 0; index < count; index++)
      insert.run(randomBytes(24).toString("base64url"), now + 1_000_000 + (index % 3_000_000));
  })();
  database.close();
}

/** Microseconds of CPU time for one. */
async function costOf(times: number, work: (index: number) => unknown): Promise<number> {
  const before = process.cpuUsage();
  for (let index = 0; index < times; index++) await work(index);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

function say(what: string, count: number, per: string, us: number): void {
  const cost = us < 10_000 ? `${us.toFixed(1)} µs` : `${(us / 1000).toFixed(1)} ms`;
  process.stdout.write(`${what.padEnd(14)} ${String(count).padStart(9)}  ${per.padEnd(20)} ${cost}\n`);
}
