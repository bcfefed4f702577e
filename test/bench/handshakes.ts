// What a user waits for before the first byte, in round trips to a TLS provider that is 50 ms away, and how many handshakes that took:
// `node test/bench/handshakes.ts [--silence SECONDS]`. One round trip is the request itself; TCP and TLS 1.3 take one each. The silence
// is 5 s unless given; 600 is the pause that connections have to outlast.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Transform } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { makeCertificate } from "../support/certificate.ts";
import { builtProgram } from "../support/serve-process.ts";

const roundTripMs = 50;
const { values: flags } = parseArgs({ options: { silence: { type: "string", default: "5" } } });
const handshakes = { full: 0, resumed: 0 };
/** Keys whose requests are refused with a limit that ends at once. */
const limited = new Set<string>();
const folder = mkdtempSync(join(tmpdir(), "cc-relay-handshakes-"));
const certificate = makeCertificate(["localhost"]);

const usage = { input_tokens: 1, output_tokens: 1 };
const message = {
  id: "m",
  type: "message",
  role: "assistant",
  model: "claude-haiku-5-5",
  content: [],
  usage,
};
const provider = https.createServer({ ...certificate, keepAliveTimeout: 0 }, (request, response) => {
  request.resume();
  const isLimited = limited.has(String(request.headers["x-api-key"]));
  response.writeHead(isLimited ? 429 : 200, { "content-type": "application/json", "retry-after": "1" });
  response.end(JSON.stringify(isLimited ? { type: "error", error: { type: "rate_limit_error" } } : message));
});
provider.on("secureConnection", (socket) => handshakes[socket.isSessionReused() ? "resumed" : "full"]++);
await once(provider.listen(0, "127.0.0.1"), "listening");

/** Between relay and provider: everything arrives half a round trip later, the connection itself too. */
const distance = net.createServer({ pauseOnConnect: true }, (near) => {
  const far = net.connect((provider.address() as AddressInfo).port, "127.0.0.1");
  const later = () =>
    new Transform({
      transform: (chunk, _, done) => {
        setTimeout(done, roundTripMs / 2, null, chunk);
      },
    });
  for (const socket of [near, far]) socket.setNoDelay(true).on("error", () => {});
  // The kernel has completed the connection by itself: what its round trip would have taken.
  setTimeout(() => near.pipe(later()).pipe(far).pipe(later()).pipe(near), roundTripMs);
  near.on("close", () => far.destroy());
  far.on("close", () => near.destroy());
});
await once(distance.listen(0, "127.0.0.1"), "listening");

const relay = await startRelay();
try {
  process.stdout.write(`${"".padEnd(58)}round trips  handshakes: full, resumed\n`);
  await say("the first request of all", () => ask("s1"));
  await say("the next one", () => ask("s1"));
  const seconds = Number(flags.silence);
  await sleep(seconds * 1000);
  await say(`after ${seconds} s of silence`, () => ask("s1"));
  limited.add("key-a");
  await say("failover to an account that nobody has used yet", () => ask("s1"));
  limited.clear();
  await sleep(1500);
  await say("back at the first account", () => ask("s1"));
  limited.add("key-a");
  await say("failover to it again", () => ask("s1"));
  limited.clear();
  await sleep(1500);
  await say("twenty requests of sessions on both accounts, each", async () => {
    let sum = 0;
    for (let index = 0; index < 20; index++) sum += await ask("s1", index % 2 === 0 ? "a" : "b");
    return sum / 20;
  });
  provider.closeIdleConnections();
  // Four round trips of closing and opening again.
  await sleep(500);
  await say("after the provider has closed the connection", () => ask("s1", "a"));
} finally {
  relay.stop();
  for (const server of [distance, provider]) server.close();
  provider.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}

async function say(what: string, work: () => Promise<number>): Promise<void> {
  const before = { ...handshakes };
  const ms = await work();
  const counts = [handshakes.full - before.full, handshakes.resumed - before.resumed];
  process.stdout.write(
    `${what.padEnd(58)}${(ms / roundTripMs).toFixed(1).padStart(11)}  ${counts.join(", ")}\n`,
  );
}

/** Milliseconds to the first byte. */
async function ask(session: string, account?: string): Promise<number> {
  const begun = performance.now();
  const answer = await fetch(`${relay.url}/v1/messages`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-claude-code-session-id": session,
      ...(account !== undefined && { "x-cc-relay-account": account }),
    },
    body: JSON.stringify({
      model: "claude-haiku-5-5",
      max_tokens: 1,
      messages: [{ role: "user", content: "x" }],
    }),
  });
  const ms = performance.now() - begun;
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status}: ${text}`);
  return ms;
}

async function startRelay(): Promise<{ url: string; stop(): void }> {
  const { port } = distance.address() as AddressInfo;
  const accounts = ["a", "b"].map(
    (id, index) =>
      `[[accounts]]\nid = "${id}"\nname = "${id}"\ntype = "claude-api"\napi_key = "key-${id}"\napi_url = "https://localhost:${port}"\npriority = ${9 - index}\n`,
  );
  const config = join(folder, "config.toml");
  const authority = join(folder, "ca.pem");
  writeFileSync(
    config,
    `[server]\nport = 0\ndatabase_path = "relay.db"\n[session]\nmax_wait_seconds = 0\n${accounts.join("")}`,
    { mode: 0o600 },
  );
  writeFileSync(authority, certificate.cert);
  const child = spawn(process.execPath, [builtProgram, "--config", config, "serve"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, NODE_EXTRA_CA_CERTS: authority },
  });
  const url = await new Promise<string>((resolve, reject) => {
    let seen = "";
    child.stderr.on("data", (chunk: Buffer) => {
      seen += chunk;
      const found = /"url":"([^"]+)"/.exec(seen)?.[1];
      if (found) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`the relay ended with ${code}: ${seen}`)));
  });
  return { url, stop: () => void child.kill("SIGTERM") };
}
