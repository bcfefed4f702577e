// What `cc-relay serve` cannot start with: one clear message each, exit 1, no stack.

import assert from "node:assert/strict";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { send } from "../support/client.ts";
import { createServeFolder, type ServeFolder } from "../support/serve-process.ts";

/** What is printed on standard error, after an exit with 1. */
async function refusal(folder: ServeFolder, args: readonly string[] = []): Promise<string> {
  const child = folder.spawn(args);
  const exit = await child.exited;
  assert.deepEqual(exit, { code: 1, signal: null }, child.stderr());
  assert.equal(child.stdout(), "");
  assert.doesNotMatch(child.stderr(), /^\s+at |fault of cc-relay/m, "a stack was printed");
  return child.stderr();
}

async function takenPort(t: TestContext): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe("cc-relay serve", { concurrency: true }, () => {
  test("a second relay on the same database is refused, naming the first one's pid and port", async (t) => {
    const folder = await createServeFolder(t);
    await folder.configure("");
    const first = await folder.start();
    const { port } = new URL(first.url);
    const text = await refusal(folder);
    assert.equal(
      text,
      `✗ another cc-relay (pid ${first.pid}, http://127.0.0.1:${port}) already serves the database ${folder.database}\n  - to stop it, run: kill ${first.pid}\n`,
    );
    assert.equal((await send(first.url, { path: "/health" })).status, 200);
    first.kill("SIGKILL");
    await first.exited;
    const next = await folder.start();
    assert.equal(
      (await send(next.url, { path: "/health" })).status,
      200,
      "a dead one stands in nobody's way",
    );
  });

  test("a port that is taken is named, with another way to start", async (t) => {
    const folder = await createServeFolder(t);
    const port = await takenPort(t);
    await folder.configure("");
    assert.equal(
      await refusal(folder, ["--port", String(port)]),
      `✗ 127.0.0.1:${port} is taken by another program\n  - stop that program, or choose another port: cc-relay --config ${folder.configFile} serve --port 0\n`,
    );
  });

  test("an address that is not this machine's is named", async (t) => {
    const folder = await createServeFolder(t);
    await writeFile(folder.configFile, 'api_keys = ["k-1234567"]\n[server]\nhost = "192.0.2.1"\n');
    assert.match(await refusal(folder), /^✗ 192\.0\.2\.1 is not an address of this machine\n {2}- /);
  });

  test("a database that cannot be made is named with its path", async (t) => {
    const folder = await createServeFolder(t);
    const configure = (path: string) =>
      writeFile(folder.configFile, `[server]\nport = 0\ndatabase_path = ${JSON.stringify(path)}\n`);
    await mkdir(join(folder.path, "folder.db"));
    await writeFile(join(folder.path, "file"), "");
    for (const path of ["folder.db", "file/relay.db"]) {
      await configure(path);
      const text = await refusal(folder);
      assert.match(text, /^✗ /);
      assert.ok(text.includes(join(folder.path, path)), text);
      assert.ok(text.trim().split("\n").length <= 3, text);
    }
    // Rights say nothing to root.
    if (process.getuid?.() === 0) return;
    const locked = join(folder.path, "locked");
    await mkdir(locked);
    await chmod(locked, 0o500);
    await configure("locked/relay.db");
    assert.match(await refusal(folder), /locked\/relay\.db/);
  });

  test("a broken configuration is reported whole: file, line, key and what to write", async (t) => {
    const folder = await createServeFolder(t);
    await writeFile(
      folder.configFile,
      '[server]\nprot = 3000\napi_keys = ["secret-key-1"]\n\n[session]\nhold_seconds = "a while"\n',
    );
    const text = await refusal(folder);
    assert.ok(text.includes(folder.configFile), text);
    for (const said of [/prot/, /port/, /api_keys/, /hold_seconds/]) assert.match(text, said);
    for (const line of ["2", "3", "6"]) assert.match(text, new RegExp(`:${line}\\b|line ${line}\\b`));
    assert.doesNotMatch(text, /secret-key-1/);
  });

  test("a configuration file that is named and missing is a problem, no file at all is not", async (t) => {
    const folder = await createServeFolder(t);
    assert.ok((await refusal(folder)).includes(folder.configFile));
  });

  test("an address that others can reach is refused without keys", async (t) => {
    const folder = await createServeFolder(t);
    await folder.configure("");
    const text = await refusal(folder, ["--host", "0.0.0.0"]);
    assert.match(text, /^✗ 0\.0\.0\.0 can be reached by others, and no api_keys are set\n {2}- set api_keys/);
  });

  test("port 0 picks a free one and says which", async (t) => {
    const folder = await createServeFolder(t);
    await folder.configure("");
    const relay = await folder.start(["--port", "0"]);
    const [listening] = relay.lines();
    assert.equal(listening?.msg, "listening");
    assert.equal(listening?.url, relay.url);
    assert.equal(listening?.pid, relay.pid);
    assert.match(relay.url, /^http:\/\/127\.0\.0\.1:[1-9]\d+$/);
    assert.equal((await send(relay.url, { path: "/health" })).status, 200);
    const { info } = await folder.look((store) => store.daemon.look());
    assert.equal(`http://${info?.host}:${info?.port}`, relay.url);
  });
});
