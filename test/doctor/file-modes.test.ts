import assert from "node:assert/strict";
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { checkFileModes } from "../../src/doctor/file-modes.ts";
import { readPrivateGroups } from "../../src/doctor/open-folders.ts";
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
    {
      folderMode = 0o700,
      folderOwner,
      ...options
    }: {
      uid?: number;
      platform?: NodeJS.Platform;
      folderMode?: number;
      /** Root alone can give it away. */
      folderOwner?: number | undefined;
      isPrivateGroup?: (gid: number) => boolean;
    } = {},
  ): Promise<string[]> {
    const place = await mkdtemp(join(folder, "a b", "x"));
    await chmod(place, folderMode);
    for (const [name, mode] of Object.entries(modes)) {
      await writeFile(join(place, name), "");
      await chmod(join(place, name), mode);
    }
    if (folderOwner !== undefined) await chown(place, folderOwner, folderOwner);
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

  it("are of no use in a folder where everybody, or a group, can put another file in their place", async () => {
    const config = { "config.toml": 0o600 };
    const isPrivateGroup = () => false;
    assert.deepEqual(await check(config, { folderMode: 0o777 }), [
      "warn everybody can put files into PLACE (mode 777) -> to keep others out, run: chmod o-w 'PLACE'",
    ]);
    assert.deepEqual(await check(config, { folderMode: 0o770, isPrivateGroup }), [
      "warn a group of users can put files into PLACE (mode 770) -> to keep others out, run: chmod g-w 'PLACE'",
    ]);
    const fine = ["ok closed to others: PLACE/config.toml"];
    assert.deepEqual(await check(config, { folderMode: 0o770, isPrivateGroup: () => true }), fine);
    assert.deepEqual(await check(config, { folderMode: 0o1777, isPrivateGroup }), fine);
  });

  it("are of no use either where the folder itself can be replaced", async () => {
    await chmod(join(folder, "a b"), 0o770);
    const [fault] = await check({ "config.toml": 0o600 }, { isPrivateGroup: () => false });
    await chmod(join(folder, "a b"), 0o755);
    assert.match(fault ?? "", /^warn a group of users can put files into .*a b \(mode 770\)/);
  });

  it("are of no use either in a folder of another user, which only root can take over", async () => {
    const other = (uid ?? 0) + 1;
    // One of root's is nobody else's.
    const folderOwner = uid === 0 ? 12_345 : undefined;
    const faults = await check({ "config.toml": 0o600 }, { uid: other, folderOwner });
    assert.deepEqual(
      faults.filter((line) => line.includes("PLACE (")),
      [`warn another user owns PLACE (mode 700) -> to keep others out, run: sudo chown "$USER" 'PLACE'`],
    );
  });

  it("are a user's own where the group has nobody else, by the system's lists", async () => {
    const files = { group: join(folder, "group"), passwd: join(folder, "passwd") };
    await writeFile(files.group, "me:x:1000:\nstaff:x:50:\nusers:x:100:me,you\nadmin:x:7:me\n");
    await writeFile(files.passwd, "me:x:1000:1000::/home/me:/bin/sh\nyou:x:1001:7::/home/you:/bin/sh\n");
    const isPrivate = readPrivateGroups(files);
    assert.deepEqual([1000, 50, 100, 7, 4711].map(isPrivate), [true, true, false, false, false]);
    assert.equal(readPrivateGroups({ group: join(folder, "none"), passwd: files.passwd })(1000), false);
  });

  it("let a service's group read a file that another user owns", async () => {
    const other = (uid ?? 0) + 1;
    const faults = async (mode: number) => {
      const lines = await check({ "config.toml": mode }, { uid: other });
      return lines.filter((line) => line.startsWith("warn others can"));
    };
    assert.deepEqual(await faults(0o640), []);
    assert.equal((await faults(0o644)).length, 1);
    assert.equal((await faults(0o660)).length, 1);
  });
});
