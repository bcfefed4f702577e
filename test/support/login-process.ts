// A process of its own with one login on a real database: `node login-process.ts DATABASE TOKEN_URL REFRESH_TOKEN [detached [SCRIPT]]`.
// With `detached` it has its login refreshed as `cc-relay serve` does, by SCRIPT if one is named; else itself, as the short
// commands do.
//
// Reads commands from standard input, a line each, and answers each with one line of JSON:
//   credential    the access token, or why there is none
//   pass MS       moves this process's clocks on
//   refresh MS      both again and again, without answering, until it is killed

import { createInterface } from "node:readline";
import { createDetachedRefreshes } from "../../src/app/refresh-process/detached-refreshes.ts";
import { createDispatchers } from "../../src/network/dispatchers.ts";
import { createTokenSource } from "../../src/oauth/tokens.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { loginAccount } from "./login-account.ts";

const [database = "", tokenUrl = "", secret = "", refreshes = "", script] = process.argv.slice(2);
const store = await openSqliteStore(database);
const dispatchers = createDispatchers({ connectTimeoutMs: 2000 });
let passed = 0;
const log = createLog({ level: "warn", pretty: false });
const oauth = { claude: { tokenUrl }, gemini: {} };
const now = () => Date.now() + passed;
const site = () => ({
  databasePath: database,
  connectTimeoutMs: 2000,
  environmentProxy: undefined,
  oauth,
});
const tokens = createTokenSource({
  tokens: store.tokens,
  dispatcherFor: (account) => dispatchers.for(account.id, account.proxy),
  config: () => oauth,
  clock: { now, monotonic: () => performance.now() + passed },
  log,
  runnerFor:
    refreshes === "detached"
      ? createDetachedRefreshes({ site, tokens: store.tokens, now, log, script }).runnerFor
      : undefined,
});
const account = loginAccount(secret);
const signal = new AbortController().signal;

process.stdout.write('"ready"\n');
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.split(" ");
  if (command === "pass") passed += Number(argument);
  if (command === "refresh") await refreshForever(Number(argument));
  const answer = command === "credential" ? await tokens.credential(account, signal) : "done";
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await tokens.close();
await dispatchers.close();
await store.close();

async function refreshForever(ms: number): Promise<never> {
  for (;;) {
    passed += ms;
    await tokens.credential(account, signal);
  }
}
