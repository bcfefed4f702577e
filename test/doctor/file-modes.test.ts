import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { checkFileModes } from "../../src/doctor/file-modes.ts";
import { fixText } from "../../src/domain/errors.ts";

describe("file modes", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "cc-relay-modes-"));
    await mkdir(join(folder, "a b"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const uid = process.getuid?.();
  async function check(
    modes: Readonly<Record<string, number>>,
    options: { uid?: number; platform?: NodeJS.Platform } = {},
  ): Promise<string[]> {
    const place = await mkdtemp(join(folder, "a b", "x"));
    for (const [name, mode] of Object.entries(modes)) {
      await writeFile(join(place, name), "");
      await chmod(join(place, name), mode);
    }
    return checkFileModes({
      configFile: join(place, "config.toml"),
      databasePath: join(place, "relay.db"),
      platform: "linux",
      uid,
      ...options,
    }).map(({ status, detail, fix }) =>
      `${status} ${detail}${fix === undefined ? "" : ` -> ${fixText(fix)}`}`.replaceAll(place, "PLACE"),
    );
  }

  it("are fine when only the owner can read", async () => {
    assert.deepEqual(await check({ "config.toml": 0o600, "relay.db": 0o600, "relay.db-wal": 0o600 }), [
      "ok closed to others: PLACE/config.toml and PLACE/relay.db",
    ]);
    assert.deepEqual(await check({ "config.toml": 0o400 }), ["ok closed to others: PLACE/config.toml"]);
  });

  it("are not looked at where there is no file, or no modes", async () => {
    assert.deepEqual(await check({}), []);
    assert.deepEqual(await check({ "config.toml": 0o666 }, { platform: "win32" }), []);
  });

  it("are wrong for the group too, and the command names every file with its folder quoted", async () => {
    assert.deepEqual(await check({ "relay.db": 0o600, "relay.db-wal": 0o640, "relay.db-shm": 0o644 }), [
      "warn others can read PLACE/relay.db-wal (mode 640), and it holds secrets -> to keep it private, run: chmod 600 'PLACE/relay.db-wal' 'PLACE/relay.db-shm'",
    ]);
  });

  it("let a service's group read a file that another user owns", async () => {
    const other = (uid ?? 0) + 1;
    assert.deepEqual(await check({ "config.toml": 0o640 }, { uid: other }), [
      "ok closed to others: PLACE/config.toml",
    ]);
    assert.equal((await check({ "config.toml": 0o644 }, { uid: other })).length, 1);
    assert.equal((await check({ "config.toml": 0o660 }, { uid: other })).length, 1);
  });
});
