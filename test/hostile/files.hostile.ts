// Files that vanish, are damaged, replaced, locked, or on a disk without room, under a real `serve`.
// `node test/hostile/files.hostile.ts [--short]`.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { patient } from "../support/patience.ts";
import { claudeAccounts, type RunningServe } from "../support/serve-process.ts";
import { until } from "../support/until.ts";
import { ask, createSite, rounds, rowsIn } from "./site.ts";

const onlyGood = (counts: ReadonlyMap<number | "broken", number>) =>
  assert.deepEqual([...counts.keys()], [200]);
const said = (relay: RunningServe, pattern: RegExp) =>
  relay.lines().filter(({ msg }) => pattern.test(String(msg))).length;

interface DatabaseAttack {
  title: string;
  attack(path: string, round: number): void;
  /** What the relay says of it; undefined: it may go on in what it has open, and nobody need notice. */
  sign?: RegExp;
  /** In the long form. What is damaged again within a minute is kept in memory. */
  times: number;
}

const databaseAttacks: readonly DatabaseAttack[] = [
  {
    title: "removed",
    times: 10,
    sign: /was removed/,
    attack(path) {
      for (const end of ["", "-wal", "-shm"]) rmSync(path + end, { force: true });
    },
  },
  {
    title: "replaced by an older copy",
    times: 10,
    sign: /was replaced/,
    attack(path) {
      copyOf(path, `${path}.copy`);
      renameSync(`${path}.copy`, path);
    },
  },
  {
    title: "overwritten in place by an older copy",
    times: 10,
    sign: /was replaced/,
    attack(path) {
      if (!existsSync(`${path}.old`)) copyOf(path, `${path}.old`);
      copyFileSync(`${path}.old`, path);
    },
  },
  {
    title: "replaced by bytes that are none",
    times: 1,
    sign: /was set aside/,
    attack(path) {
      writeFileSync(`${path}.noise`, Buffer.alloc(100_000, 0x5a));
      renameSync(`${path}.noise`, path);
    },
  },
  {
    title: "damaged in its middle",
    times: 1,
    attack(path) {
      const file = openSync(path, "r+");
      writeSync(file, Buffer.alloc(20_000, 0x5a), 0, 20_000, 4096);
      closeSync(file);
    },
  },
];

/** With what its log holds. */
function copyOf(path: string, copy: string): void {
  rmSync(copy, { force: true });
  const database = new Database(path);
  database.exec(`VACUUM INTO '${copy}'`);
  database.close();
}

function check(path: string): unknown {
  const database = new Database(path, { readonly: true });
  const verdict = database.pragma("integrity_check(1)", { simple: true });
  database.close();
  return verdict;
}

function countRows(path: string): number | undefined {
  try {
    const database = new Database(path, { readonly: true });
    const count = database.prepare("SELECT count(*) FROM usage").pluck().get();
    database.close();
    return Number(count);
  } catch {
    return undefined;
  }
}

interface Disk {
  path: string;
  /** Both return what undoes them. */
  fill(): () => void;
  refuseWrites(): () => void;
}

/** A small file system of its own, which takes the rights of an administrator. */
function makeDisk(t: TestContext): Disk {
  const path = mkdtempSync(join(tmpdir(), "cc-relay-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", path]);
  t.after(() => {
    execFileSync("umount", ["-l", path]);
    rmSync(path, { recursive: true });
  });
  const filler = join(path, "filler");
  return {
    path,
    fill() {
      const file = openSync(filler, "w");
      try {
        for (;;) writeSync(file, Buffer.alloc(4096));
      } catch {
        closeSync(file);
      }
      return () => rmSync(filler);
    },
    refuseWrites() {
      execFileSync("mount", ["-o", "remount,ro", path]);
      return () => execFileSync("mount", ["-o", "remount,rw", path]);
    },
  };
}

describe("files", { concurrency: 3 }, () => {
  test("a configuration that is empty, shortened or gone for a moment opens nothing and stops nobody", async (t) => {
    const site = await createSite(t);
    const { upstream, folder } = site;
    const whole = (ids: readonly string[]) =>
      `api_keys = ["relay-key-1"]\n[server]\nport = 0\ndatabase_path = "relay.db"\n${claudeAccounts(upstream.url, ids)}`;
    const text = whole(["a"]);
    writeFileSync(folder.configFile, text, { mode: 0o600 });
    const relay = await folder.start();
    const withKey = site.startPulse(relay.url, ["x-api-key", "relay-key-1"]);
    const without = site.startPulse(relay.url);
    for (const round of rounds(6, 120)) {
      const faults = [
        () => truncateSync(folder.configFile),
        () => writeFileSync(folder.configFile, text.slice(0, (round * 37) % text.length)),
        () => rmSync(folder.configFile),
        () => renameSync(folder.configFile, `${folder.configFile}~`),
      ];
      faults[round % faults.length]!();
      await sleep(50 + ((round * 131) % 400));
      writeFileSync(folder.configFile, text, { mode: 0o600 });
      await sleep(50);
    }
    onlyGood((await withKey.stop()).counts);
    assert.deepEqual([...(await without.stop()).counts.keys()], [401]);
    for (const { rawHeaders, query } of upstream.requests)
      assert.doesNotMatch(`${rawHeaders} ${query}`, /relay-key-1/);
    writeFileSync(folder.configFile, whole(["a", "b"]), { mode: 0o600 });
    await until("a whole file counts again", () => said(relay, /was reloaded/) > 0);
  });

  for (const { title, attack, sign, times } of databaseAttacks) {
    test(`a database that is ${title} under the relay stops nobody, and later rows are kept`, async (t) => {
      const site = await createSite(t);
      const { folder } = site;
      const relay = await folder.start();
      for (const round of rounds(1, times)) {
        const pulse = site.startPulse(relay.url);
        await sleep(500);
        const before = sign ? said(relay, sign) : 0;
        const begun = performance.now();
        await attack(folder.database, round);
        if (sign) {
          await until(`it is said: ${title}`, () => said(relay, sign) > before).catch((error: Error) => {
            const lines = relay.lines().filter(({ msg }) => msg !== "request");
            throw new Error(`${error.message}\n${lines.map((line) => JSON.stringify(line)).join("\n")}`);
          });
          const ms = Math.round(performance.now() - begun);
          assert.ok(ms < patient(2000), `noticed after ${ms} ms`);
        }
        await sleep(500);
        onlyGood((await pulse.stop()).counts);
        if (!sign) continue;
        const rows = await rowsIn(folder);
        for (let request = 0; request < 3; request++) assert.equal(await ask(relay.url), 200);
        await until("later rows are recorded", async () => (await rowsIn(folder)) === rows + 3);
      }
      relay.kill("SIGKILL");
      await relay.exited;
      const next = await folder.start();
      const rows = await rowsIn(folder);
      assert.equal(await ask(next.url), 200);
      await until("the next relay records", async () => (await rowsIn(folder)) === rows + 1);
      assert.equal(check(folder.database), "ok");
    });
  }

  test("a foreign lock on the database holds no answer up for long, and loses no row", async (t) => {
    const site = await createSite(t);
    const { folder } = site;
    const relay = await folder.start();
    assert.equal(await ask(relay.url), 200);
    for (const _ of rounds(1, 10)) {
      const before = await rowsIn(folder);
      const foreign = new Database(folder.database);
      foreign.exec("BEGIN IMMEDIATE");
      const pulse = site.startPulse(relay.url);
      await sleep(3000);
      const { counts, slowestMs } = await pulse.stop();
      foreign.exec("ROLLBACK");
      foreign.close();
      onlyGood(counts);
      assert.ok(slowestMs < patient(1000), `an answer took ${slowestMs} ms`);
      const asked = counts.get(200) ?? 0;
      await until("every row is there", async () => (await rowsIn(folder)) === before + asked);
    }
  });

  test("a disk that fills up, and one that takes no writes, stop nobody; with room again no row is missing", async (t) => {
    const disk = makeDisk(t);
    const site = await createSite(t);
    const { folder } = site;
    const database = join(disk.path, "relay.db");
    const config = readFileSync(folder.configFile, "utf8");
    writeFileSync(folder.configFile, config.replace('"relay.db"', JSON.stringify(database)));
    let asked = 0;
    const underFault = async (relay: RunningServe, release: () => void, sign: RegExp) => {
      const pulse = site.startPulse(relay.url);
      await until("it is said", () => said(relay, sign) > 0);
      await sleep(1000);
      release();
      const { counts } = await pulse.stop();
      onlyGood(counts);
      asked += counts.get(200) ?? 0;
      await until("every row is there", () => countRows(database) === asked);
    };
    for (const _ of rounds(1, 10)) {
      const first = await folder.start();
      await underFault(first, disk.fill(), /written later/);
      first.kill("SIGTERM");
      await first.exited;
      const release = disk.refuseWrites();
      const second = await folder.start();
      await underFault(second, release, /kept in memory/);
      second.kill("SIGKILL");
      await second.exited;
    }
  });

  test("with 64 descriptors a burst is refused in part, again and again, and the next request is served", async (t) => {
    const { folder, upstream } = await createSite(t);
    // A name takes descriptors to resolve; without one it seems not to exist.
    await folder.configure(claudeAccounts(upstream.url.replace("127.0.0.1", "localhost"), ["a"]));
    const relay = await folder.start([], ["prlimit", "--nofile=64"]);
    upstream.on(() => true, { firstEventAfter: 200 });
    for (const _ of rounds(3, 60)) {
      const ends = new Set(await Promise.all(Array.from({ length: 80 }, () => ask(relay.url))));
      // How many are served, and how many find no descriptor even to be refused, is chance.
      assert.ok(ends.has(503) || ends.has("broken"), [...ends].join());
      for (const end of ends) assert.ok(end === 200 || end === 503 || end === "broken", `status ${end}`);
      await until("it serves again", async () => (await ask(relay.url)) === 200);
    }
    const blamed = relay.lines().filter(({ msg, until }) => msg === "attempt failed" && until !== undefined);
    assert.deepEqual(blamed, []);
    assert.equal(relay.hasExited(), false);
  });
});
