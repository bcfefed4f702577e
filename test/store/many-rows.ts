// Very many usage rows at once, for measuring.

import Database from "better-sqlite3";

/** Spread evenly over the period: 6 accounts, 5 models, 4 clients. */
export function insertManyRows(
  path: string,
  { count, from, to }: { count: number; from: number; to: number },
): void {
  const database = new Database(path);
  const insert = database.prepare(`
    INSERT INTO usage (time, request_id, client, account, family, model, route, input, output, cache_write_5m,
      cache_write_1h, cache_read, reasoning, tier, web_searches, status, outcome, attempts, first_byte_ms, total_ms, cost_nano)
    VALUES (?, ?, ?, ?, 'claude', ?, 'claude/generate', ?, ?, 0, ?, ?, 0, NULL, 0, 200, ?, 1, 300, 4000, ?)`);
  database.transaction(() => {
    for (let i = 0; i < count; i++) {
      insert.run(
        Math.floor(from + (i / count) * (to - from)),
        // In the order of time, as the relay's own are.
        `${i.toString(36).padStart(8, "0")}-${((i * 2654435761) % 4294967296).toString(16)}`,
        `client-${i % 4}`,
        `claude-${i % 6}`,
        `claude-model-${i % 5}`,
        i % 5000,
        i % 700,
        i % 100,
        i % 90_000,
        i % 50 === 0 ? "failed" : "complete",
        i % 7 === 0 ? null : (i % 1000) * 1000,
      );
    }
  })();
  database.close();
}
