// Log lines of a process on their way into a descriptor that may take all, some or none of them.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { createServeFolder, type ServeFolder } from "../support/serve-process.ts";
import { until } from "../support/until.ts";

const writer = JSON.stringify(new URL("../../src/telemetry/line-writer.ts", import.meta.url).href);

function script(body: string): string[] {
  return ["--input-type=module", "-e", `import { createLineWriter } from ${writer};\n${body}`];
}

test("lines arrive in their order, those written over time and those left at the end", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cc-relay-lines-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "log");
  const fd = openSync(file, "a");
  const body = `
    const writer = createLineWriter(2);
    for (let line = 0; line < 30_000; line++) {
      writer.write(line + "\\n");
      if (line % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    process.exit(0);`;
  const { status } = spawnSync(process.execPath, script(body), { stdio: ["ignore", "ignore", fd] });
  closeSync(fd);
  assert.equal(status, 0);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  assert.deepEqual(
    lines,
    Array.from({ length: 30_000 }, (_, line) => String(line)),
  );
});

test("a reader that never reads costs lines: no memory without end, and no end that waits for it", async (t) => {
  const body = `
    const writer = createLineWriter(2);
    process.stderr.on("error", () => {});
    const line = "x".repeat(9_999) + "\\n";
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 200; round++) {
      for (let count = 0; count < 100; count++) writer.write(line);
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(Math.round((process.memoryUsage().rss - before) / 1048576));
    process.exit(0);`;
  const child = spawn(process.execPath, script(body), { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let grown = "";
  child.stdout.on("data", (chunk) => (grown += chunk));
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
  assert.ok(Number(grown) < 100, `200 MB of lines took ${grown.trim()} MiB`);
});

test("a log on a full disk stops neither the relay nor its end", {
  skip: process.platform !== "linux" && "the full device is Linux's",
}, async (t) => {
  const folder = await createServeFolder(t);
  await folder.configure("");
  const full = openSync("/dev/full", "w");
  const child = folder.spawn([], full);
  closeSync(full);
  const port = await until("the relay has published its address", () => publishedPort(folder), 15_000);
  const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  for (let count = 0; count < 3; count++) {
    // What is refused leaves a line in the log.
    assert.equal(await ask("/nowhere"), 404);
    await sleep(150);
  }
  assert.equal(await ask("/health"), 200);
  child.kill("SIGTERM");
  assert.deepEqual(await child.exited, { code: 0, signal: null });
});

async function publishedPort({ database }: ServeFolder): Promise<number | undefined> {
  // Looking takes the daemon's lock for an instant, so not too often.
  await sleep(100);
  const store = await openSqliteStore(database, { readonly: true });
  try {
    return (await store.daemon.look()).info?.port;
  } finally {
    await store.close();
  }
}
