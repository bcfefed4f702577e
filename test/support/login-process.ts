// A process of its own with one login on a real database: `node login-process.ts DATABASE TOKEN_URL REFRESH_TOKEN`.
//
// Reads commands from standard input, a line each, and answers each with one line of JSON:
//   credential    the access token, or why there is none
//   pass MS       moves this process's clocks on
//   renew MS      both again and again, without answering, until it is killed

import { createInterface } from "node:readline";
import { createLog } from "../../src/log.ts";
import { createDispatchers } from "../../src/network/dispatchers.ts";
import { createTokenSource } from "../../src/oauth/tokens.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";

const [database = "", tokenUrl = "", secret = ""] = process.argv.slice(2);
const store = await openSqliteStore(database);
const dispatchers = createDispatchers({ connectTimeoutMs: 2000 });
let passed = 0;
const tokens = createTokenSource({
  tokens: store.tokens,
  dispatcherFor: (account) => dispatchers.for(account.id, account.proxy),
  config: () => ({ claude: { tokenUrl }, gemini: {} }),
  clock: { now: () => Date.now() + passed, monotonic: () => performance.now() + passed },
  log: createLog({ level: "warn", pretty: false }),
});
const account = {
  id: "claude-1",
  type: "claude-oauth",
  apiUrl: "https://api.example",
  secret,
  proxy: undefined,
  project: undefined,
};
const signal = new AbortController().signal;

process.stdout.write('"ready"\n');
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.split(" ");
  if (command === "pass") passed += Number(argument);
  if (command === "renew") await renewForEver(Number(argument));
  const answer = command === "credential" ? await tokens.credential(account, signal) : "done";
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await tokens.close();
await dispatchers.close();
await store.close();

async function renewForEver(ms: number): Promise<never> {
  for (;;) {
    passed += ms;
    await tokens.credential(account, signal);
  }
}
