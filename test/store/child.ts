// Another process at the same database, for the tests that need one: node child.ts ROLE DATABASE

import { writeSync } from "node:fs";
import { fixText, UserError } from "../../src/domain/errors.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { usageRow } from "./rows.ts";

const [role, path = ""] = process.argv.slice(2);

switch (role) {
  case "open": {
    const store = await openSqliteStore(path);
    const { total } = await store.usage.summarize({ since: 0, until: Number.MAX_SAFE_INTEGER, by: "day" });
    say(`requests ${total.requests}`);
    await store.close();
    break;
  }
  case "open-unprivileged": {
    // Loads the native part while it may still be read.
    await (await openSqliteStore(`${path}.warm`, { readonly: true })).close();
    if (process.getuid?.() === 0) process.seteuid?.(65534);
    try {
      await openSqliteStore(path);
      say("opened");
    } catch (error) {
      say(
        error instanceof UserError
          ? `${error.message}\n${fixText(error.fix ?? "undefined")}`
          : `not for users: ${error}`,
      );
    }
    break;
  }
  case "write": {
    const store = await openSqliteStore(path);
    for (let i = 1; ; i++) {
      await store.usage.record(usageRow(`row-${i}`, { tokens: { ...usageRow("").tokens, input: i } }));
      say(`row ${i}`);
      if (i % 10 !== 0) continue;
      const now = Date.now();
      const token = { configuredHash: "h", accessToken: undefined, expiresAt: undefined, extras: undefined };
      const rest = { generation: i, updatedAt: now, exchangeHash: undefined, exchangeAt: undefined };
      const row = { accountId: "a", refreshToken: `refresh-${i}`, ...token, ...rest };
      await store.tokens.replace(row, i === 10 ? undefined : i - 10);
      say(`token ${i}`);
    }
  }
  case "hold": {
    const store = await openSqliteStore(path);
    const claim = await store.daemon.claim();
    await store.daemon.publish({
      pid: process.pid,
      host: "127.0.0.1",
      port: 4000,
      startedAt: 1,
      version: "0",
    });
    await store.tokens.withLock("a", async () => {
      say(`holding ${claim.ok}`);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });
  }
}

/** At once, whatever happens to the process next. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}
