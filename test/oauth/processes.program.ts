import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describeLoginFailure } from "../../src/oauth/login-failure.ts";
import type { LoginToken } from "../../src/oauth/tokens.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";

const script = fileURLToPath(new URL("../support/login-process.ts", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "cc-relay-logins-"));
const children = new Set<ChildProcess>();
const servers: AuthorizationServer[] = [];
after(async () => {
  for (const child of children) child.kill("SIGKILL");
  for (const server of servers) await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function startServer(): Promise<AuthorizationServer> {
  const server = await startAuthorizationServer();
  servers.push(server);
  return server;
}

interface LoginProcess {
  send(command: string): void;
  ask<T>(command: string): Promise<T>;
  kill(): Promise<void>;
}

async function startProcess(
  database: string,
  server: AuthorizationServer,
  secret: string,
): Promise<LoginProcess> {
  const child = spawn(process.execPath, [script, join(folder, database), `${server.url}/token`, secret], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  children.add(child);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let complaints = "";
  child.stderr!.on("data", (text: Buffer) => {
    complaints += text.toString("utf8");
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const read = async () => {
    const line = await lines.next();
    assert.ok(!line.done, `the process ended: ${complaints}`);
    return JSON.parse(line.value);
  };
  assert.equal(await read(), "ready");
  return {
    send: (command) => child.stdin!.write(`${command}\n`),
    ask: (command) => {
      child.stdin!.write(`${command}\n`);
      return read();
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
      children.delete(child);
    },
  };
}

const eightHours = 8 * 3_600_000;

test("several processes on one database refresh a login once between them, again and again", async () => {
  const server = await startServer();
  const secret = server.issue();
  const processes = await Promise.all(
    Array.from({ length: 3 }, () => startProcess("shared.db", server, secret)),
  );
  for (let round = 1; round <= 3; round++) {
    server.faults.push({ kind: "delay", ms: 50 });
    const results = await Promise.all(processes.map((process) => process.ask<LoginToken>("credential")));
    const tokens = results.map((result) =>
      result.ok ? result.token : assert.fail(describeLoginFailure(result)),
    );
    assert.equal(new Set(tokens).size, 1);
    assert.ok(server.accepts(tokens[0]!));
    assert.equal(server.requests.length, round);
    await Promise.all(processes.map((process) => process.ask(`pass ${eightHours}`)));
  }
  assert.equal(server.killed, 0);
  await Promise.all(processes.map((process) => process.kill()));
});

test("kill -9 in the middle of refreshes leaves a login that works, or one whose end is explained", async () => {
  const server = await startServer();
  let secret = server.issue();
  let database = 0;
  let worked = 0;
  let victim = await startProcess("killed-0.db", server, secret);
  for (let round = 1; round <= 6; round++) {
    victim.send(`refresh ${eightHours}`);
    await sleep(5 + Math.random() * 60);
    await victim.kill();
    const requests = server.requests.length;

    victim = await startProcess(`killed-${database}.db`, server, secret);
    // Every round plays at a later time: what the earlier ones left behind has ended.
    await victim.ask(`pass ${eightHours * 1000 * round}`);
    const result = await victim.ask<LoginToken>("credential");
    if (result.ok) {
      assert.ok(server.accepts(result.token));
      assert.ok(
        server.requests.length <= requests + 2,
        "one refresh sufficed, beside one that was under way",
      );
      worked += 1;
      continue;
    }
    // The kill fell between the server's rotation and the arrival of its answer: the one case nobody can fix.
    assert.equal(result.reason, "refresh-revoked");
    assert.match(
      describeLoginFailure(result),
      /a refresh begun at .* was interrupted before its answer could be kept/,
    );
    await victim.kill();
    secret = server.issue();
    database += 1;
    victim = await startProcess(`killed-${database}.db`, server, secret);
  }
  assert.ok(worked > 0, "every kill hit the one moment that cannot be fixed");
});
