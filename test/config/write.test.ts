import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import {
  chmod,
  chown,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { addAccount, setAccountEnabled } from "../../src/config/edit.ts";
import { loadConfig } from "../../src/config/load.ts";
import { editConfigFile } from "../../src/config/write.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { fakeEnvironment } from "./support.ts";

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cc-relay-write-"));
  file = join(folder, "config.toml");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const environment = fakeEnvironment();
const values = { type: "claude-api", api_key: "KEY" } as const;
const add = (id: string) => (text: string) => addAccount(text, id, values);
const block = '[[accounts]]\nid = "a"\ntype = "claude-api"\napi_key = "KEY"\n';

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

test("a new file is made with its folders, for the owner's eyes only", async () => {
  const deep = join(folder, "one/two/config.toml");
  await editConfigFile({ file: deep, environment, kinds: accountKinds, edit: add("a") });
  assert.equal(await readFile(deep, "utf8"), block);
  assert.equal(await modeOf(deep), "600");
  assert.equal(await modeOf(join(folder, "one")), "700");
  assert.equal(await modeOf(join(folder, "one/two")), "700");
  assert.deepEqual(await readdir(join(folder, "one/two")), ["config.toml"]);
});

test("a new file in the platform's folder names the database that was used without a file", async () => {
  const own = fakeEnvironment({ cwd: folder, configFolder: folder, dataFolder: join(folder, 'da"ta') });
  await editConfigFile({ file, environment: own, kinds: accountKinds, edit: add("a") });
  const without = await loadConfig({
    environment: { ...own, configFolder: join(folder, "none"), cwd: "/" },
    kinds: accountKinds,
  });
  const config = await loadConfig({ environment: own, kinds: accountKinds });
  assert.equal(config.file, file);
  assert.equal(config.server.databasePath, without.server.databasePath);
  assert.equal(
    await readFile(file, "utf8"),
    `# Configuration of cc-relay. Client keys belong here, above the first section:
# api_keys = ["KEY"]

[server]
database_path = "${join(folder, 'da\\"ta')}/relay.db"

${block}`,
  );
});

test("an existing file is replaced whole and gets mode 600", async () => {
  await writeFile(file, "# mine\r\n", { mode: 0o644 });
  const before = (await stat(file)).ino;
  await editConfigFile({ file, environment, kinds: accountKinds, edit: add("a") });
  assert.equal(await readFile(file, "utf8"), `# mine\r\n\r\n${block.replaceAll("\n", "\r\n")}`);
  assert.equal(await modeOf(file), "600");
  assert.notEqual((await stat(file)).ino, before);
  assert.deepEqual(await readdir(folder), ["config.toml"]);
});

test("the owner of the file keeps it, also when root changes it", async () => {
  await writeFile(file, "# mine\n");
  if (process.getuid?.() === 0) await chown(file, 12_345, 12_346);
  const { uid, gid } = await stat(file);
  await editConfigFile({ file, environment, kinds: accountKinds, edit: add("a") });
  assert.equal(await readFile(file, "utf8"), `# mine\n\n${block}`);
  assert.deepEqual([(await stat(file)).uid, (await stat(file)).gid], [uid, gid]);
  assert.equal(await modeOf(file), "600");
});

test("an edit that changes nothing writes nothing, not even to a read-only file", async () => {
  await writeFile(file, block, { mode: 0o400 });
  const before = await stat(file);
  await editConfigFile({
    file,
    environment,
    kinds: accountKinds,
    edit: (text) => setAccountEnabled(text, "a", { enabled: true }),
  });
  assert.deepEqual([(await stat(file)).mtimeMs, (await stat(file)).ino], [before.mtimeMs, before.ino]);
});

test("a link stays a link, and what it leads to changes", async () => {
  const target = join(folder, "real.toml");
  await writeFile(target, "");
  await symlink("real.toml", file);
  await editConfigFile({ file, environment, kinds: accountKinds, edit: add("a") });
  assert.equal(await readlink(file), "real.toml");
  assert.ok((await lstat(target)).isFile());
  assert.equal(await readFile(target, "utf8"), block);
});

test("a link to a file that is not there makes that file", async () => {
  await symlink("real.toml", file);
  await editConfigFile({ file, environment, kinds: accountKinds, edit: add("a") });
  assert.equal(await readFile(join(folder, "real.toml"), "utf8"), block);
  assert.equal(await readlink(file), "real.toml");
});

test("a read-only file stays as it is", async () => {
  await writeFile(file, "# mine\n");
  await chmod(file, 0o444);
  await assert.rejects(editConfigFile({ file, environment, kinds: accountKinds, edit: add("a") }), {
    name: "UserError",
    message: `${file} is read-only, so that this command cannot change it`,
    fix: { instruction: "make the file and its folder writable for this user, or change the file by hand" },
  });
  assert.equal(await readFile(file, "utf8"), "# mine\n");
  assert.deepEqual(await readdir(folder), ["config.toml"]);
});

test("a folder in which nobody can write is reported as read-only", async () => {
  // The kernel's own file system on Linux, a sealed one on macOS: not even root creates files there.
  await assert.rejects(
    editConfigFile({ file: "/sys/config.toml", environment, kinds: accountKinds, edit: add("a") }),
    {
      name: "UserError",
      message: "/sys/config.toml is read-only, so that this command cannot change it",
    },
  );
});

test("a file in the place of the folder is named", async () => {
  await writeFile(join(folder, "plain"), "");
  await assert.rejects(
    editConfigFile({
      file: join(folder, "plain/config.toml"),
      environment,
      kinds: accountKinds,
      edit: add("a"),
    }),
    {
      name: "UserError",
      message: `cannot read ${join(folder, "plain/config.toml")}: the system says ENOTDIR`,
    },
  );
});

test("a result that would not load is refused before anything is written", async () => {
  await writeFile(file, "# mine\n");
  await assert.rejects(editConfigFile({ file, environment, kinds: accountKinds, edit: add("not an id") }), {
    name: "ConfigError",
    message: /:4: accounts\[0\]\.id\n {2}✗ may hold letters/,
  });
  assert.equal(await readFile(file, "utf8"), "# mine\n");
  assert.deepEqual(await readdir(folder), ["config.toml"]);
});

test("a file that is no TOML is named with its line and stays", async () => {
  await writeFile(file, 'api_keys = ["SECRET\n');
  await assert.rejects(editConfigFile({ file, environment, kinds: accountKinds, edit: add("a") }), {
    name: "ConfigError",
    message: `the configuration has 1 problem

${file}:1
  ✗ a string is not closed by its quote before the line ends
  - fix this line first; the rest of the file is checked after it`,
  });
});

test("an edit that throws leaves nothing behind", async () => {
  let calls = 0;
  const edit = (text: string) => {
    calls += 1;
    if (calls === 2) throw new Error("no");
    return `${text}# more\n`;
  };
  await assert.rejects(editConfigFile({ file, environment, kinds: accountKinds, edit }), { message: "no" });
  assert.equal(calls, 2);
  assert.deepEqual(await readdir(folder), []);
});

test("a change that a person makes meanwhile is kept, and the edit made on it", async () => {
  await writeFile(file, "# one\n");
  let calls = 0;
  const edit = (text: string) => {
    calls += 1;
    // Behind the back of the second reading.
    if (calls === 2) writeFileSync(file, "# one\n# two\n");
    return add("a")(text);
  };
  await editConfigFile({ file, environment, kinds: accountKinds, edit });
  assert.equal(calls, 3);
  assert.equal(await readFile(file, "utf8"), `# one\n# two\n\n${block}`);
});

test("a file that never stays the same is not overwritten", async () => {
  await writeFile(file, "");
  let calls = 0;
  const edit = (text: string) => {
    calls += 1;
    writeFileSync(file, `# ${calls}\n`);
    return add("a")(text);
  };
  await assert.rejects(editConfigFile({ file, environment, kinds: accountKinds, edit }), {
    message: `${file} is being changed by another program, so nothing was written`,
  });
  assert.equal(await readFile(file, "utf8"), `# ${calls}\n`);
  assert.deepEqual(await readdir(folder), ["config.toml"]);
});

test("edits of one process at once are all made", async () => {
  const ids = Array.from({ length: 20 }, (_, index) => `id-${index}`);
  await Promise.all(
    ids.map((id) => editConfigFile({ file, environment, kinds: accountKinds, edit: add(id) })),
  );
  const config = await loadConfig({ flag: file, environment, kinds: accountKinds });
  assert.deepEqual(config.accounts.map(({ id }) => id).sort(), ids.sort());
  assert.deepEqual(await readdir(folder), ["config.toml"]);
});

test("a draft that a dead process left is taken away", async () => {
  const draft = join(folder, ".config.toml.new");
  await writeFile(draft, "half a fi");
  const old = new Date(Date.now() - 60_000);
  await utimes(draft, old, old);
  await editConfigFile({ file, environment, kinds: accountKinds, edit: add("a") });
  assert.equal(await readFile(file, "utf8"), block);
  assert.deepEqual(await readdir(folder), ["config.toml"]);
});
