import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, open, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { createSite, type Site, type SiteOptions } from "./doctor-site.ts";
import { listen, listenAsRelay } from "./support.ts";

async function siteFor(t: TestContext, options?: SiteOptions): Promise<Site> {
  const site = await createSite(options);
  t.after(() => site.close());
  return site;
}

const notRunning = "warn daemon: not running -> to start it, run: cc-relay serve";

describe("doctor finds what is wrong with the relay:", () => {
  it("nothing, when all is well, in a pipe one line per check", async (t) => {
    const site = await siteFor(t);
    site.site.inspectDatabase = undefined;
    const { stdout, stderr, code } = await site.examine();
    const bin = join(site.home, "bin");
    const size = /\d+ kB/.exec(stdout)?.[0];
    const lines = [
      ["node", "24.21.0"],
      ["clock", "right, says 127.0.0.1"],
      ["configuration", `${site.configFile}: 3 accounts, 1 client key`],
      ["file modes", `closed to others: ${site.configFile} and ${site.database}`],
      ["database", `${site.database}, ${size}: sound`],
      ["lock", `held by pid ${process.pid}`],
      [
        "daemon",
        `pid ${process.pid} answers at http://127.0.0.1:${site.port}, version 1.2.3, started 2h 14m ago`,
      ],
      ["account claude-1", `TCP and key are fine: 127.0.0.1:${site.upstream.port}`],
      ["account gemini-1", `TCP and key are fine: 127.0.0.1:${site.upstream.port}`],
      ["account openai-1", `TCP and key are fine: 127.0.0.1:${site.upstream.port}`],
      ["claude", `2.1.330, ${bin}/claude`],
      ["gemini", `0.61.0, ${bin}/gemini`],
      ["codex", `0.169.0, ${bin}/codex`],
      ["openai", "OPENAI_BASE_URL points at the relay"],
    ];
    assert.deepEqual(stdout.trimEnd().split("\n"), [
      ...lines.map(([name, detail]) => `${name}\tok\t${detail}\t`).slice(0, -1),
      // What is last loses its trailing tab to trimEnd.
      "openai\tok\tOPENAI_BASE_URL points at the relay",
    ]);
    assert.deepEqual({ stderr, code }, { stderr: "", code: 0 });
  });

  it("a Node that is too old", async (t) => {
    const site = await siteFor(t);
    site.site.nodeVersion = "20.20.0";
    assert.deepEqual(await site.faults(), {
      found: [
        "fail node: Node 20.20.0 is too old: cc-relay needs 22.19 or newer -> get a newer one from https://nodejs.org",
      ],
      code: 1,
    });
  });

  it("api_keys below [server], and looks at everything else all the same", async (t) => {
    const site = await siteFor(t);
    await site.configure(
      () => `[server]\nport = ${site.port}\napi_keys = ["relay-key-1"]\n\n${site.accounts}`,
    );
    assert.deepEqual(await site.faults(), {
      found: [
        "fail configuration: FOLDER/config.toml:3: server.api_keys is below [server], so that it belongs to that section and protects nothing -> move the line api_keys = […] to the top of the file, above the first [section]",
      ],
      code: 1,
    });
    const names = (await site.document()).checks.map(({ name }) => name);
    for (const name of ["database", "daemon", "account claude-1", "account openai-1"]) {
      assert.ok(names.includes(name), name);
    }
  });

  it("every problem of the configuration, and the accounts that have none", async (t) => {
    const site = await siteFor(t);
    await site.configure((text) =>
      text
        .replace("port =", 'hots = "127.0.0.1"\nport =')
        .replace('type = "claude-api"', 'type = "claude-apy"')
        .replace('id = "openai-1"', 'id = "gemini-1"'),
    );
    const { found, code } = await site.faults();
    assert.deepEqual(
      found.map((fault) => /^fail configuration: FOLDER\/config\.toml:\d+: (\S+) /.exec(fault)?.[1]),
      ["server.hots", "accounts[0].type", "accounts[2].id"],
    );
    assert.equal(code, 1);
    const { checks } = await site.document();
    assert.deepEqual(
      checks.filter(({ name }) => name.startsWith("account")).map(({ name, status }) => [name, status]),
      [["account gemini-1", "ok"]],
    );
  });

  it("a configuration that is no TOML, and looks at what does not depend on it", async (t) => {
    const site = await siteFor(t);
    await site.configure((text) => `${text}\n[[accounts\n`);
    const { checks, code } = await site.document();
    assert.equal(code, 1);
    assert.deepEqual(
      checks.map(({ name, status }) => `${status} ${name}`),
      [
        "ok node",
        "fail configuration",
        "ok file modes",
        ...["claude", "gemini", "codex", "openai"].map((name) => `ok ${name}`),
      ],
    );
  });

  it("a file that CC_RELAY_CONFIG names and that is not there", async (t) => {
    const site = await siteFor(t);
    site.env.CC_RELAY_CONFIG = join(site.folder, "gone.toml");
    assert.deepEqual((await site.faults()).found, [
      "fail configuration: the environment variable CC_RELAY_CONFIG names the file FOLDER/gone.toml, and there is none -> name an existing file, or leave CC_RELAY_CONFIG out",
    ]);
  });

  it("a configuration that others can read", async (t) => {
    const site = await siteFor(t);
    await chmod(site.configFile, 0o644);
    assert.deepEqual(await site.faults(), {
      found: [
        "warn file modes: others can read FOLDER/config.toml (mode 644), and it holds secrets -> to keep it private, run: chmod 600 FOLDER/config.toml",
      ],
      code: 0,
    });
  });

  it("a database that others can read, before anything of its own closes it", async (t) => {
    const site = await siteFor(t, { withoutRelay: true });
    await site.store(async () => {});
    await chmod(site.database, 0o666);
    const { found } = await site.faults();
    assert.deepEqual(found, [
      "warn file modes: others can read and change FOLDER/data/relay.db (mode 666), and it holds secrets -> to keep it private, run: chmod 600 FOLDER/data/relay.db",
      notRunning,
    ]);
  });

  it("a folder into which everybody can put files", async (t) => {
    const site = await siteFor(t);
    await chmod(site.folder, 0o777);
    assert.deepEqual((await site.faults()).found, [
      "warn file modes: everybody can put files into FOLDER (mode 777) -> to keep others out, run: chmod o-w FOLDER",
    ]);
  });

  it("that nothing runs, and starts it with the configuration of this call", async (t) => {
    const site = await siteFor(t, { withoutRelay: true });
    const { stdout } = await site.examine({ config: site.configFile });
    assert.match(
      stdout,
      new RegExp(
        `^daemon\\twarn\\tnot running\\tto start it, run: cc-relay --config ${site.configFile} serve$`,
        "m",
      ),
    );
  });

  it("a database with damaged pages, and how to get rid of it", async (t) => {
    const site = await siteFor(t, { withoutRelay: true });
    await site.store(async ({ bindings }) => {
      for (let index = 0; index < 300; index++) {
        const row = { kind: "session", accountId: "claude-1", fallbackId: undefined, expiresAt: 1e15 };
        await bindings.save({ ...row, key: `session-${index}` });
      }
    });
    const file = await open(site.database, "r+");
    const { size } = await file.stat();
    for (let at = 4096; at < size; at += 4096) await file.write(Buffer.alloc(2000, 0x55), 0, 2000, at);
    await file.close();
    const { found, code } = await site.faults();
    assert.match(
      found.find((fault) => fault.includes("database:")) ?? "",
      /^fail database: the database FOLDER\/data\/relay\.db is damaged \(database disk image is malformed\) -> stop the relay and begin a new database \(.*\), run: mv FOLDER\/data\/relay\.db\* /,
    );
    assert.equal(code, 1);
    const { checks } = await site.document();
    const fix = checks.find(({ name }) => name === "database")?.fix ?? "";
    execFileSync("sh", ["-c", fix.replace(/^.* run: /, "")]);
    assert.deepEqual((await site.faults()).found, [notRunning]);
    const [moved] = (await readdir(join(site.folder, "data"))).filter((name) => name.startsWith("damaged-"));
    assert.ok((await readdir(join(site.folder, "data", moved!))).includes("relay.db"));
  });

  it("a database with a wrong index, which everything else would still open", async (t) => {
    const site = await siteFor(t, { withoutRelay: true });
    await site.store(async ({ bindings }) => {
      for (let index = 0; index < 300; index++) {
        const row = { kind: "session", accountId: "claude-1", fallbackId: undefined, expiresAt: 1e15 };
        await bindings.save({ ...row, key: `session-${String(index).padStart(60, "0")}` });
      }
    });
    const file = await open(site.database, "r+");
    const { size } = await file.stat();
    // The last page is not one that opening reads.
    await file.write(Buffer.alloc(100, 0x55), 0, 100, size - 4096);
    await file.close();
    const { found } = await site.faults();
    assert.match(
      found[0] ?? "",
      /^fail database: (?:FOLDER\/data\/relay\.db, \d+ kB: damaged \(.+\)|the database FOLDER\/data\/relay\.db is damaged \(.+\)) -> stop the relay/,
    );
  });

  it("a file in the database's place that is no database", async (t) => {
    const site = await siteFor(t, { withoutRelay: true });
    await mkdir(join(site.folder, "data"));
    await writeFile(site.database, "something else entirely. ".repeat(400), { mode: 0o600 });
    assert.deepEqual((await site.faults()).found, [
      'fail database: FOLDER/data/relay.db is not a SQLite database -> set server.database_path to another file, or to move this one away, run: mv FOLDER/data/relay.db* "$(mktemp -d FOLDER/data/damaged-XXXXXX)"',
      notRunning,
    ]);
  });

  it("a lock that a dead process left, though not one of a relay that stopped", async (t) => {
    const site = await siteFor(t);
    await site.killRelay();
    assert.deepEqual(await site.faults(), {
      found: [
        "warn lock: left by pid PID, which died without stopping (killed, or the machine went down) -> to start the relay again, which takes the lock over, run: cc-relay serve",
        notRunning,
      ],
      code: 0,
    });
    await site.store(async ({ daemon }) => {
      await daemon.claim();
      await daemon.release();
    });
    assert.deepEqual((await site.faults()).found, [notRunning]);
  });

  it("a port that another program has taken", async (t) => {
    const site = await siteFor(t, { withoutRelay: true });
    const other = await listen((_request, response) => response.end("hello"));
    t.after(() => other.close());
    await site.configure((text) => text.replace(`port = ${site.port}`, `port = ${other.port}`));
    const { found, code } = await site.faults();
    // The system may give the very port that the relay would have had, which is not shown.
    const shown = other.port === site.port ? "PORT" : other.port;
    assert.deepEqual(found.slice(0, 2), [
      notRunning,
      `fail port: ${shown} of 127.0.0.1 is taken by another program -> stop that program, or choose another port: cc-relay serve --port 0`,
    ]);
    assert.equal(code, 1);
  });

  it("a database whose folder cannot be made, also while a relay keeps it in memory", async (t) => {
    const site = await siteFor(t, { withoutRelay: true });
    const place = join(site.configFile, "data", "relay.db");
    const listenOn = (port: number) =>
      site.configure((text) =>
        text.replace(/^port = .*/m, `port = ${port}\ndatabase_path = ${JSON.stringify(place)}`),
      );
    const unwritable =
      "fail database: FOLDER/config.toml/data/relay.db cannot be written (ENOTDIR): a relay that starts now keeps everything in memory, and refreshes no login -> make it and its folder writable for the user that runs the relay, or set server.database_path to another file";
    await listenOn(site.port);
    assert.deepEqual((await site.faults()).found, [unwritable, notRunning]);
    const relay = await listenAsRelay();
    t.after(() => relay.close());
    await listenOn(relay.port);
    const found = (await site.faults()).found.filter((fault) => / (?:database|daemon|port): /.test(fault));
    assert.deepEqual(found, [unwritable]);
  });

  it("a port that a relay with another database has", async (t) => {
    const site = await siteFor(t, { withoutRelay: true });
    const other = await listenAsRelay();
    t.after(() => other.close());
    await site.configure((text) => text.replace(`port = ${site.port}`, `port = ${other.port}`));
    assert.equal(
      (await site.faults()).found[0],
      `warn port: another relay has it: version 1.2.3 answers at http://127.0.0.1:${other.port}, and uses another database -> stop that one, or choose another port: cc-relay serve --port 0`,
    );
  });

  it("an address that is not this machine's", async (t) => {
    const site = await siteFor(t, { withoutRelay: true });
    await site.configure((text) => text.replace("port =", 'host = "192.0.2.1"\nport ='));
    const { found } = await site.faults();
    assert.deepEqual(
      found.filter((fault) => fault.includes(" port:")),
      ['fail port: 192.0.2.1 is not an address of this machine -> write server.host = "127.0.0.1"'],
    );
  });

  it("a relay that holds the lock and does not answer", async (t) => {
    const site = await siteFor(t);
    const gone = await listen(() => {});
    await gone.close();
    const { port } = gone;
    await site.publish({ port });
    const { found, code } = await site.faults();
    assert.equal(
      found[0],
      `fail daemon: pid PID runs, but nothing answers at http://127.0.0.1:${port} -> to start it anew, run: kill ${process.pid}; cc-relay serve`,
    );
    assert.equal(code, 1);
  });

  it("a relay of another version", async (t) => {
    const site = await siteFor(t);
    const older = await listen((_request, response) => {
      response.end('{"status":"ok","version":"1.0.0","uptime_seconds":1}');
    });
    t.after(() => older.close());
    await site.publish({ port: older.port, version: "1.0.0" });
    assert.equal(
      (await site.faults()).found[0],
      `warn daemon: pid PID answers at http://127.0.0.1:${older.port}, version 1.0.0, started 2h 14m ago, and this is version 1.2.3 -> to run this version, run: kill ${process.pid}; cc-relay serve`,
    );
  });

  it("nothing without a configuration and without a database, and creates none", async (t) => {
    const site = await siteFor(t, { withoutRelay: true });
    await rm(site.configFile);
    const before = (await readdir(site.folder)).sort();
    const { checks } = await site.document();
    assert.deepEqual(
      checks.filter(({ name }) => name === "configuration" || name === "database"),
      [
        {
          name: "configuration",
          status: "ok",
          detail: `no file at ${site.configFile} or ${join(site.folder, "etc", "config.toml")}: the defaults are used`,
          fix: null,
          command: null,
        },
        {
          name: "database",
          status: "ok",
          detail: `none yet: cc-relay serve creates ${join(site.folder, "share", "relay.db")}`,
          fix: null,
          command: null,
        },
      ],
    );
    assert.ok(!checks.some(({ name }) => name.startsWith("account") || name === "lock" || name === "clock"));
    assert.deepEqual((await readdir(site.folder)).sort(), before);
  });

  it("shows no secret, whatever is wrong", async (t) => {
    const site = await siteFor(t);
    await site.configure((text) =>
      text
        .replace('"relay-key-1"', '"relay-key-1", "relay-key-1"')
        .replace('api_key = "key-of-gemini-1"', 'api_kee = "key-of-gemini-1"'),
    );
    site.upstream.on("key-of-claude-1", {
      status: 401,
      body: {
        type: "error",
        error: { type: "authentication_error", message: "your key-of-claude-1, or sk-ant-api03-abcdef" },
      },
    });
    Object.assign(site.env, {
      ANTHROPIC_BASE_URL: "https://user:a-password@gateway.example/?key=a-query-key",
      ANTHROPIC_API_KEY: "sk-ant-api03-in-the-shell",
      ANTHROPIC_AUTH_TOKEN: "another-secret",
      HTTPS_PROXY: "http://me:proxy-password@127.0.0.1:9",
    });
    const { stdout } = await site.examine({ json: true });
    for (const secret of [
      "relay-key-1",
      "key-of-",
      "sk-ant-api03-",
      "a-password",
      "a-query-key",
      "another-secret",
      "proxy-password",
    ]) {
      assert.ok(!stdout.includes(secret), `${secret} in ${stdout}`);
    }
  });
});
