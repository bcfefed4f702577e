// The configuration file changes under a running relay: what takes effect, how soon, and what it does not touch.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RelayApp, startRelayApp } from "../../src/app/relay-app.ts";
import { loadConfig } from "../../src/config/load.ts";
import { sightFile } from "../../src/config/watch.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { dialectCases } from "../relay/cases.ts";
import { open, send } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { collectingLog, type LoggedLine, startRelay, testAccount } from "../support/relay.ts";
import { until } from "../support/until.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

const claude = dialectCases[0]!;

interface FileRelay {
  app: RelayApp;
  url: string;
  file: string;
  upstream: ScriptedUpstream;
  log: LoggedLine[];
  /** Writes the file: these accounts, and these lines at the top and under [server]. */
  write(ids: readonly string[], head?: string, server?: string): Promise<void>;
  reloads(): number;
}

async function startWithFile(t: TestContext, head = "", host = "127.0.0.1"): Promise<FileRelay> {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-reload-"));
  const file = join(folder, "config.toml");
  const write = (ids: readonly string[], text = head, server = "") =>
    writeFile(
      file,
      `${text}\n[server]\nport = 0\nhost = "${host}"\n${server}\n${accounts(ids, upstream.url)}`,
    );
  await write(["a"]);
  const environment = { env: {}, cwd: folder, configFolder: folder, dataFolder: folder };
  const readConfig = () => loadConfig({ flag: file, environment, kinds: accountKinds });
  const log: LoggedLine[] = [];
  const app = await startRelayApp({
    config: await readConfig(),
    readConfig,
    watchedFiles: [sightFile(file)],
    log: collectingLog(log),
    version: "0.0.0-test",
  });
  t.after(async () => {
    await app.close();
    await rm(folder, { recursive: true, force: true });
  });
  const reloads = () => log.filter(({ message }) => message === "the configuration was reloaded").length;
  return { app, url: `http://127.0.0.1:${app.port}`, file, upstream, log, write, reloads };
}

function accounts(ids: readonly string[], url: string): string {
  return ids
    .map(
      (id, index) =>
        `[[accounts]]\nid = "${id}"\ntype = "claude-api"\napi_key = "key-of-${id}"\napi_url = "${url}"\npriority = ${500 - index}\n`,
    )
    .join("");
}

async function servedBy(url: string): Promise<string | undefined> {
  return (await send(url, claude.request())).header("x-cc-relay-account");
}

test("a changed file takes effect within a second, and an open stream goes on where it is", async (t) => {
  const relay = await startWithFile(t);
  const { promise: later, resolve: goOn } = Promise.withResolvers<void>();
  relay.upstream.queue("key-of-a", { events: 10, gate: (event) => (event === 4 ? later : undefined) });
  const stream = await open(relay.url, claude.request());
  await stream.read();
  await relay.write(["b"]);
  const begun = Date.now();
  await until("the reload", () => relay.reloads() === 1);
  assert.ok(Date.now() - begun < patient(1000));
  assert.equal(await servedBy(relay.url), "b");
  goOn();
  const whole = await stream.finish();
  assert.deepEqual([whole.end, whole.header("x-cc-relay-account")], ["clean", "a"]);
  assert.match(whole.text, /message_stop/);
});

test("keys and limits are read anew", async (t) => {
  const relay = await startWithFile(t);
  await relay.write(["a"], 'api_keys = ["relay-key-1"]', "max_body_mb = 0.001");
  await until("the reload", () => relay.reloads() === 1);
  assert.equal((await send(relay.url, claude.request())).status, 401);
  const keyed = (text: string) => claude.request({ headers: ["x-api-key", "relay-key-1"], text });
  assert.equal((await send(relay.url, keyed("short"))).status, 200);
  assert.equal((await send(relay.url, keyed("x".repeat(2000)))).status, 413);
});

test("a broken file is reported and the old configuration stays, until the file is fixed", async (t) => {
  const relay = await startWithFile(t);
  await writeFile(relay.file, '[server\nport = "no"');
  const report = await until("the report", () =>
    relay.log.find(({ message }) => message.startsWith("the new configuration is broken")),
  );
  assert.equal(report.level, "error");
  assert.equal(await servedBy(relay.url), "a");
  await writeFile(relay.file, 'api_kez = ["x"]\n[session]\nhold_seconds = "long"\n');
  await until("the second report", () => relay.log.filter(({ level }) => level === "error").length === 2);
  const { problems } = relay.log.findLast(({ level }) => level === "error")!.fields as {
    problems: { key: string }[];
  };
  assert.deepEqual(problems.map(({ key }) => key).sort(), ["api_kez", "session.hold_seconds"]);
  assert.equal(await servedBy(relay.url), "a");
  await relay.write(["b"]);
  await until("the reload", () => relay.reloads() === 1);
  assert.equal(await servedBy(relay.url), "b");
});

test("a file that is gone for a moment, as editors do it, changes nothing until it is back", async (t) => {
  const relay = await startWithFile(t);
  await rename(relay.file, `${relay.file}~`);
  await sleep(700);
  assert.equal(await servedBy(relay.url), "a");
  assert.deepEqual(
    relay.log.filter(({ level }) => level === "error"),
    [],
  );
  await relay.write(["b"]);
  await until("the reload", () => relay.reloads() === 1);
  assert.equal(await servedBy(relay.url), "b");
});

test("a relay that others can reach never loses its keys to a reload", async (t) => {
  const relay = await startWithFile(t, 'api_keys = ["relay-key-1"]', "0.0.0.0");
  await writeFile(relay.file, '[server]\nport = 0\nhost = "127.0.0.1"\n');
  await until("the report", () => relay.log.some(({ message }) => /has no api_keys/.test(message)));
  const answer = await send(relay.url, claude.request());
  assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [401, "invalid_key"]);
});

test("the time limit of connecting is read anew, for connections through a proxy too", async (t) => {
  const relay = await startWithFile(t, "[upstream]\nconnect_timeout_seconds = 3600");
  const silent = createServer();
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => silent.close());
  const { port } = silent.address() as AddressInfo;
  const proxied = (seconds: number) =>
    `[upstream]\nconnect_timeout_seconds = ${seconds}\n${accounts(["a"], relay.upstream.url)}[accounts.proxy]\ntype = "socks5"\nhost = "127.0.0.1"\nport = ${port}\n`;
  await writeFile(relay.file, `[server]\nport = 0\n${proxied(0.3)}`);
  await until("the reload", () => relay.reloads() === 1);
  // By name: a broken proxy gives the account a cooldown.
  const ask = () => send(relay.url, claude.request({ headers: ["x-cc-relay-account", "a"] }));
  const first = await ask();
  assert.match(first.text, /did not open a tunnel within 0\.3 s/);
  await writeFile(relay.file, `[server]\nport = 0\n${proxied(0.2)}`);
  await until("the reload", () => relay.reloads() === 2);
  const second = await ask();
  assert.match(second.text, /did not open a tunnel within 0\.2 s/);
});

test("the settings that need a restart are named, and are those that the example names", async (t) => {
  const relay = await startWithFile(t);
  await writeFile(
    relay.file,
    '[server]\nhost = "localhost"\nport = 1\ndatabase_path = "other.db"\nlog_level = "error"\n',
  );
  await until("the reload", () => relay.reloads() === 1);
  const warnings = relay.log.filter(({ level }) => level === "warn");
  assert.deepEqual(
    new Set(warnings.map(({ message }) => message)),
    new Set(["this setting needs a restart"]),
  );
  const example = await readFile(join(import.meta.dirname, "../../config.example.toml"), "utf8");
  const [, listed = ""] = /while the relay runs; (.*) need a restart/.exec(example) ?? [];
  const asKey = (setting: unknown) =>
    String(setting).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  assert.deepEqual(
    warnings.map(({ fields }) => asKey(fields.setting)),
    listed.split(/, | and /),
  );
});

test("what a new configuration has that stops nothing is warned of, once", async (t) => {
  const relay = await startRelay({ accounts: [testAccount("a", "claude-api", "http://127.0.0.1:1")] });
  t.after(() => relay.close());
  const warnings = () => relay.log.filter(({ level }) => level === "warn").map(({ message }) => message);
  await relay.reconfigure((config) => ({
    ...config,
    warnings: ["the key is odd"].map((fact) => ({ fact, fix: undefined })),
  }));
  await relay.reconfigure((config) => ({
    ...config,
    warnings: ["the key is odd", "the host is retired"].map((fact) => ({ fact, fix: undefined })),
  }));
  assert.deepEqual(warnings(), ["the key is odd", "the host is retired"]);
});

test("of two reloads that overlap the later one wins, however long the first takes to read", async (t) => {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const relay = await startRelay({ accounts: [testAccount("a", "claude-api", upstream.url)] });
  t.after(() => relay.close());
  const withOnly = (id: string) => ({
    ...relay.config,
    accounts: [testAccount(id, "claude-api", upstream.url)],
  });
  relay.readNext = async () => {
    relay.readNext = async () => withOnly("newest");
    const older = withOnly("older");
    await sleep(100);
    return older;
  };
  await Promise.all([relay.app.reload(), relay.app.reload()]);
  assert.equal(await servedBy(relay.url), "newest");
});
