import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { pathToFileURL } from "node:url";
import { messageFormat } from "../../src/app/refresh-process/messages.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { loginAccount, tokenOf } from "../support/login-account.ts";
import { startConnectProxy } from "../support/proxies.ts";
import { until } from "../support/until.ts";
import { complaints, eightHours, isRunning, type Refreshes, startRefreshes } from "./refreshes.ts";

const signal = new AbortController().signal;
let its: Refreshes;

beforeEach(async () => {
  its = await startRefreshes();
});

afterEach(() => its.close());

test("logins are refreshed in one process of their own, which gets nothing that others could read", async () => {
  const witness = await its.createWitness();
  const source = its.createSource({ script: witness.script });
  const logins = ["a", "b", "c"].map((id) => loginAccount(its.server.issue(), { id }));
  its.server.faults.push({ kind: "delay", ms: 400 }, { kind: "delay", ms: 400 });
  const results = await Promise.all(logins.map((login) => source.credential(login, signal)));
  for (const result of results) assert.ok(its.server.accepts(tokenOf(result)));
  assert.equal(its.server.requests.length, 3);
  const [first, ...others] = await witness.seen();
  assert.deepEqual(others, []);
  assert.notEqual(first?.pid, process.pid);
  const visible = JSON.stringify([first?.argv, first?.env]);
  for (const login of logins) {
    assert.ok(!visible.includes(login.secret));
    const row = await its.store.tokens.load(login.id);
    assert.ok(its.server.isLive(row?.refreshToken ?? ""));
  }
  assert.deepEqual(complaints(its.lines), []);
  await until("the process ends by itself", () => !isRunning(first!.pid));

  its.pass(eightHours);
  assert.ok(its.server.accepts(tokenOf(await source.credential(logins[0]!, signal))));
  assert.equal((await witness.seen()).length, 2);
  assert.equal(its.server.killed, 0);
});

test("a login that another process has refreshed is found without starting one", async () => {
  const login = loginAccount(its.server.issue());
  const [one, two] = [its.createSource(), its.createSource({ script: join(its.folder, "none.mjs") })];
  const token = tokenOf(await one.credential(login, signal));
  await two.credential(login, signal);
  its.pass(eightHours - 5000);
  const row = (await its.store.tokens.load(login.id))!;
  const refreshed = { ...row, generation: 2, accessToken: "theirs", expiresAt: Date.now() + 3 * eightHours };
  await its.store.tokens.replace({ ...refreshed, updatedAt: Date.now() + eightHours }, 1);
  assert.notEqual(token, "theirs");
  assert.equal(tokenOf(await two.credential(login, signal)), "theirs");
  assert.deepEqual(complaints(its.lines), []);
});

test("Google's tokens, which stay the same, are refreshed in this process", async () => {
  its.server.rotates = false;
  const witness = await its.createWitness();
  const source = its.createSource({ script: witness.script });
  const login = loginAccount(its.server.issue(), {
    id: "g",
    kind: accountKinds.gemini,
    extras: { project: "p" },
  });
  tokenOf(await source.credential(login, signal));
  assert.deepEqual(await witness.seen(), []);
});

test("the account's proxy carries the refresh there too", async () => {
  const proxy = await startConnectProxy({ username: "u", password: "p" });
  const settings = { type: "http", host: "127.0.0.1", port: proxy.port, username: "u" } as const;
  const login = loginAccount(its.server.issue(), { proxy: { ...settings, password: "wrong" } });
  const source = its.createSource();
  const failure = await source.credential(login, signal);
  assert.ok(!failure.ok && failure.reason === "proxy", JSON.stringify(failure));
  assert.equal(its.server.connections, 0);
  its.pass(5001);
  tokenOf(await source.credential({ ...login, proxy: { ...settings, password: "p" } }, signal));
  assert.deepEqual([its.server.connections, proxy.targets], [1, [`127.0.0.1:${its.server.port}`]]);
  await proxy.close();
});

test("a process that cannot do it is replaced by this one, which says so", async () => {
  const broken: [string, RegExp][] = [
    ["throw new Error('no')", /"reason":"it ended with code 1"/],
    ["process.kill(process.pid, 'SIGKILL')", /"reason":"it ended with SIGKILL"/],
    ["process.on('message', () => process.disconnect())", /"reason":"it ended with code 0"/],
    [
      `const real = await import(${JSON.stringify(pathToFileURL(join(import.meta.dirname, "../../src/app/refresh-process/service.ts")).href)});
       const service = real.createRefreshService({ report: async (each) => void process.send(each), end: () => process.disconnect() });
       process.on("message", (order) => service.carryOut({ ...order, format: ${messageFormat + 1} }));`,
      /"reason":"it is of another version than the relay"/,
    ],
  ];
  for (const [index, [code, reason]] of broken.entries()) {
    its.lines.length = 0;
    const script = join(its.folder, `broken-${index}.mjs`);
    await writeFile(script, code);
    const source = its.createSource({ script });
    const login = loginAccount(its.server.issue(), { id: `account-${index}` });
    assert.ok(its.server.accepts(tokenOf(await source.credential(login, signal))), code);
    const [warning, ...others] = complaints(its.lines);
    assert.deepEqual(others, []);
    assert.match(warning ?? "", /a login is refreshed in this process, where a kill can lose it/);
    assert.match(warning ?? "", reason);
  }
  assert.equal(its.server.killed, 0);
});

test("a process that cannot be started at all is replaced by this one too", async () => {
  const source = its.createSource({ databasePath: join(its.folder, "gone", "relay.db") });
  assert.ok(its.server.accepts(tokenOf(await source.credential(loginAccount(its.server.issue()), signal))));
  const [warning, ...others] = complaints(its.lines);
  assert.match(warning ?? "", /ENOENT/);
  assert.deepEqual(others, []);
});

test("no token reaches the log by this way", async () => {
  const source = its.createSource();
  const login = loginAccount(its.server.issue());
  its.server.faults.push({
    kind: "answer",
    status: 400,
    body: '{"error":"invalid_grant","error_description":"x"}',
  });
  assert.ok(!(await source.credential(login, signal)).ok);
  its.pass(60_001);
  const token = tokenOf(await source.credential(login, signal));
  const text = its.lines.join("");
  const row = await its.store.tokens.load(login.id);
  for (const secret of [token, login.secret, row!.refreshToken]) assert.ok(!text.includes(secret));
  assert.ok(its.lines.length >= 2);
});
