// Kills relays under load, again and again, and looks whether their logins live on: `node test/soak/kill-login.ts [--short] [--kills N] [--program FILE]`.
//
// The relay is `cc-relay serve` in a process of its own, with four Claude logins at an authorization server that rotates
// strictly and hands out tokens that last for half a second, so that it refreshes all the time while 200 clients ask it without a
// pause. Half of the kills come at any moment (every fourth only once a client has its answer, so that a slow machine tests that
// too), half within 15 ms after the server has answered a refresh: that is where a login was lost when the relay itself waited
// for the answer.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, createServer, request as openHttp } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { startAuthorizationServer } from "../support/authorization-server.ts";
import { until } from "../support/until.ts";

const { values: flags } = parseArgs({
  options: { short: { type: "boolean" }, kills: { type: "string" }, program: { type: "string" } },
});
const kills = Number(flags.kills ?? (flags.short ? 20 : 300));
const clients = 200;
const accountIds = ["claude-1", "claude-2", "claude-3", "claude-4"];
const program = flags.program ?? fileURLToPath(new URL("../../bin/cc-relay.js", import.meta.url));

const folder = await mkdtemp(join(tmpdir(), "cc-relay-kills-"));
const server = await startAuthorizationServer();
server.expiresIn = 0.5;
const provider = await startProvider();
const secrets = new Map(accountIds.map((id) => [id, server.issue()]));
const tally = {
  refreshes: 0,
  underWay: 0,
  justAnswered: 0,
  deaths: [] as string[],
  answers: 0,
  slowestStartMs: 0,
};
const startedAt = performance.now();

await writeConfig();
for (let kill = 1; kill <= kills; kill++) {
  const relay = await startRelay();
  await checkLogins(relay, `after kill ${kill - 1}`);
  const load = startLoad(relay);
  await momentToDie(kill, load);
  const now = performance.now();
  relay.kill();
  for (const { receivedAt, answeredAt = Number.POSITIVE_INFINITY } of server.requests) {
    if (receivedAt <= now && answeredAt > now) tally.underWay += 1;
    if (answeredAt <= now && now - answeredAt <= 15) tally.justAnswered += 1;
  }
  tally.answers += await load.ended;
  if (kill % 50 === 0) process.stdout.write(`${kill} kills, ${tally.deaths.length} logins lost\n`);
}
const last = await startRelay();
await checkLogins(last, "at the end");
last.kill();
await sleep(1000);
await checkRows();
await rm(folder, { recursive: true, force: true });
await provider.close();
await server.close();
report();

function report(): void {
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const lines = [
    `${kills} kills in ${seconds} s under ${clients} clients: ${tally.answers} answers, ${tally.refreshes} refreshes`,
    `slowest start of a relay: ${Math.round(tally.slowestStartMs)} ms`,
    `killed during a refresh: ${tally.underWay}; within 15 ms after its answer: ${tally.justAnswered}`,
    `logins lost: ${tally.deaths.length}; spent tokens sent: ${server.killed}`,
    ...tally.deaths,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  const isGood = tally.deaths.length === 0 && server.killed === 0 && tally.answers >= Math.floor(kills / 4);
  process.exitCode = isGood ? 0 : 1;
}

async function writeConfig(): Promise<void> {
  const accounts = [...secrets].map(
    ([id, token]) =>
      `[[accounts]]\nid = "${id}"\ntype = "claude-oauth"\nrefresh_token = "${token}"\napi_url = "${provider.url}"\n`,
  );
  const text = `[server]\nport = 0\ndatabase_path = "relay.db"\n[oauth.claude]\ntoken_url = "${server.url}/token"\n${accounts.join("")}`;
  await writeFile(join(folder, "config.toml"), text, { mode: 0o600 });
}

interface Relay {
  url: string;
  child: ChildProcess;
  log(): string;
  kill(): void;
}

async function startRelay(): Promise<Relay> {
  const begunAt = performance.now();
  const child = spawn(process.execPath, [program, "--config", join(folder, "config.toml"), "serve"], {
    stdio: ["ignore", "ignore", "pipe"],
    // A group of its own: the kill is meant for all that a terminal or a supervisor would reach.
    detached: true,
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-20_000);
  });
  const url = await until("the relay listens", () => /"url":"([^"]+)"/.exec(log)?.[1], 20_000);
  tally.slowestStartMs = Math.max(tally.slowestStartMs, performance.now() - begunAt);
  return { url, child, log: () => log, kill: () => process.kill(-child.pid!, "SIGKILL") };
}

/** Half of them at any moment, half right behind an answer of the authorization server. */
async function momentToDie(kill: number, load: Load): Promise<void> {
  if (kill % 4 === 0) await until("a client has its answer", () => load.answers() > 0, 20_000);
  await sleep(Math.random() * (flags.short ? 300 : 600));
  if (kill % 2 === 0) return;
  const before = server.requests.filter(({ answeredAt }) => answeredAt !== undefined).length;
  const answered = () => server.requests.filter(({ answeredAt }) => answeredAt !== undefined).length > before;
  await until("a refresh is answered", answered, 10_000);
  await sleep(Math.random() * 15);
}

/** Every login must get an answer by a token that the authorization server accepts. */
async function checkLogins(relay: Relay, when: string): Promise<void> {
  tally.refreshes += server.requests.splice(0).length;
  server.faults = Array.from({ length: 50 }, () => ({ kind: "delay", ms: Math.random() * 40 }) as const);
  const answers = await Promise.all(accountIds.map((id) => ask(relay.url, id)));
  for (const [index, id] of accountIds.entries()) {
    const answer = answers[index]!;
    if (answer.status === 200) continue;
    tally.deaths.push(`${id} ${when}: ${answer.status} ${answer.text}`);
    // A person logs in again.
    secrets.set(id, server.issue());
    await writeConfig();
    await until("the new login works", async () => (await ask(relay.url, id)).status === 200, 10_000);
  }
}

/** What is on the disk at the end is what the authorization server knows. */
async function checkRows(): Promise<void> {
  const store = await openSqliteStore(join(folder, "relay.db"));
  for (const id of accountIds) {
    const row = await store.tokens.load(id);
    if (!server.isLive(row?.refreshToken ?? "")) tally.deaths.push(`${id}: the stored token is dead`);
  }
  await store.close();
}

interface Load {
  /** Good answers so far. */
  answers(): number;
  /** Resolves with the number of good answers once the relay is gone. */
  ended: Promise<number>;
}

/** Clients that ask without a pause until the relay is gone. */
function startLoad(relay: Relay): Load {
  let good = 0;
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const client = async (index: number): Promise<void> => {
    for (;;) {
      const answer = await ask(relay.url, accountIds[index % accountIds.length]!, agent).catch(
        () => undefined,
      );
      if (answer === undefined) return;
      if (answer.status === 200) good += 1;
    }
  };
  const all = Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  const ended = all.then(() => {
    agent.destroy();
    return good;
  });
  return { answers: () => good, ended };
}

function ask(url: string, account: string, agent?: Agent): Promise<{ status: number; text: string }> {
  const body = JSON.stringify({
    model: "claude-x",
    max_tokens: 1,
    messages: [{ role: "user", content: account }],
  });
  return new Promise((resolve, reject) => {
    const outgoing = openHttp(`${url}/v1/messages`, {
      method: "POST",
      agent,
      headers: {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        "anthropic-version": "2023-06-01",
        "x-cc-relay-account": account,
      },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("error", reject);
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text }));
    });
    outgoing.end(body);
  });
}

/** Answers every client that comes with a token that the authorization server accepts. */
async function startProvider(): Promise<{ url: string; close(): Promise<void> }> {
  const usage = { input_tokens: 1, output_tokens: 1 };
  const message = { id: "m", type: "message", role: "assistant", model: "claude-x", content: [], usage };
  const provider = createServer((request, response) => {
    request.resume();
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const error = { type: "authentication_error", message: "Invalid bearer token" };
    request.on("end", () => {
      const isGood = server.accepts(token);
      response.writeHead(isGood ? 200 : 401, { "content-type": "application/json" });
      response.end(JSON.stringify(isGood ? message : { type: "error", error }));
    });
    request.on("error", () => {});
  });
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(provider.address() as AddressInfo).port}`,
    close() {
      provider.closeAllConnections();
      return new Promise((resolve) => provider.close(() => resolve()));
    },
  };
}
