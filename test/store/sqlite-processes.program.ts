import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { patient } from "../support/patience.ts";
import { withHarness } from "./harness.ts";
import { usageRow } from "./rows.ts";

const always = { since: 0, until: Number.MAX_SAFE_INTEGER, by: "day" as const };

test("processes that open a fresh database at the same moment all succeed", () =>
  withHarness(async ({ path }) => {
    const outputs = await Promise.all(Array.from({ length: 5 }, () => run("open", path)));
    assert.deepEqual(
      outputs,
      outputs.map(() => ({ code: 0, output: "requests 0\n", errors: "" })),
    );
  }));

test("kill -9 in the middle of writing loses no row and no token that was committed", () =>
  withHarness(async (harness) => {
    const child = start("write", harness.path);
    const said: string[] = [];
    const lines = createInterface({ input: child.stdout });
    for await (const line of lines) {
      said.push(line);
      if (said.length >= 150) child.kill("SIGKILL");
    }
    const rows = said.filter((line) => line.startsWith("row")).length;
    const generation = Number(said.findLast((line) => line.startsWith("token"))?.split(" ")[1]);
    assert.ok(rows >= 100 && generation >= 100);

    const store = await harness.open();
    const { total } = await store.usage.summarize(always);
    // The last one may have been committed without having been reported.
    assert.ok(total.requests === rows || total.requests === rows + 1, `${total.requests} of ${rows}`);
    assert.equal(total.tokens.input, (total.requests * (total.requests + 1)) / 2);
    const token = await store.tokens.load("a");
    assert.ok(token !== undefined && token.generation >= generation);
    assert.equal(token.refreshToken, `refresh-${token.generation}`);
  }));

test("the claim and the locks of a killed process are free at once", () =>
  withHarness(async (harness) => {
    const child = start("hold", harness.path);
    const [line] = await once(createInterface({ input: child.stdout }), "line");
    assert.equal(line, "holding true");

    const store = await harness.open();
    const info = { pid: child.pid, host: "127.0.0.1", port: 4000, startedAt: 1, version: "0" };
    assert.deepEqual(await store.daemon.look(), { info, running: true });
    assert.deepEqual(await store.daemon.claim(), { ok: false, holder: info });
    const waiting = store.tokens.withLock("a", async () => "taken over");
    assert.equal(await Promise.race([waiting, sleep(100, "still held")]), "still held");

    child.kill("SIGKILL");
    await once(child, "close");
    assert.equal(await waiting, "taken over");
    assert.deepEqual(await store.daemon.look(), { info, running: false });
    assert.deepEqual(await store.daemon.claim(), { ok: true });
  }));

test("somebody who only looks at the claim does not make it fail", () =>
  withHarness(async ({ path, open }) => {
    const store = await open();
    await store.daemon.claim();
    await store.daemon.release();
    // What `look` does in another process, at the very moment of the claim.
    const viewer = new Database(`${path}.lock`, { readonly: true });
    viewer.exec("BEGIN");
    viewer.prepare("SELECT count(*) FROM sqlite_schema").get();
    setTimeout(() => viewer.close(), 60);
    assert.deepEqual(await store.daemon.claim(), { ok: true });
  }));

test("an operation waits while another process writes, and the event loop goes on", () =>
  withHarness(async (harness) => {
    const store = await harness.open();
    await store.usage.record(usageRow("before"));
    const other = new Database(harness.path);
    other.exec("BEGIN IMMEDIATE");
    let maxMs = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      maxMs = Math.max(maxMs, performance.now() - last);
      last = performance.now();
    }, 5);
    const recorded = store.usage.record(usageRow("meanwhile"));
    assert.equal(await Promise.race([recorded.then(() => "done"), sleep(300, "waiting")]), "waiting");
    other.exec("COMMIT");
    await recorded;
    clearInterval(timer);
    other.close();
    assert.ok(maxMs < patient(1000), `the event loop stood still for ${maxMs} ms`);
    assert.equal((await store.usage.summarize(always)).total.requests, 2);
  }));

test("an operation that another program never lets through fails with one clear sentence", () =>
  withHarness(async (harness) => {
    const store = await harness.open({ busyTimeoutMs: 50 });
    const other = new Database(harness.path);
    other.exec("BEGIN IMMEDIATE");
    await assert.rejects(store.usage.record(usageRow("never")), {
      name: "UserError",
      message: `the database ${harness.path} is locked by another program`,
    });
    other.close();
  }));

test("a store that is closed while an operation waits lets it finish first", () =>
  withHarness(async (harness) => {
    const store = await harness.open();
    const other = new Database(harness.path);
    other.exec("BEGIN IMMEDIATE");
    const saved = store.bindings.save({
      kind: "session",
      key: "k",
      accountId: "a",
      fallbackId: undefined,
      expiresAt: 1,
    });
    const closed = store.close();
    await sleep(20);
    other.exec("COMMIT");
    other.close();
    await Promise.all([saved, closed]);
    assert.equal((await (await harness.open()).bindings.load(0, 100)).length, 1);
  }));

function start(role: string, path: string) {
  const args = [join(import.meta.dirname, "child.ts"), role, path];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
}

async function run(role: string, path: string) {
  const child = start(role, path);
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code, output, errors };
}
