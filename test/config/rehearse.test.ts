import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ConfigError } from "../../src/config/problem.ts";
import { editConfigFile, readEditableText, rehearseEdit } from "../../src/config/write.ts";
import { UserError } from "../../src/domain/errors.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { fakeEnvironment } from "./support.ts";

let folder = "";
let file = "";
const account = '[[accounts]]\nid = "a"\ntype = "claude-api"\napi_key = "k"\n';
const append = (text: string) => text + account;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cc-relay-rehearse-"));
  file = join(folder, "config.toml");
});
afterEach(() => rmSync(folder, { recursive: true }));

const environment = () =>
  fakeEnvironment({ cwd: folder, configFolder: join(folder, "etc"), dataFolder: "/data" });
const rehearse = (edit = append, path = file) =>
  rehearseEdit({ file: path, environment: environment(), kinds: accountKinds, edit });

describe("a rehearsed edit", () => {
  it("changes nothing and makes nothing when all is well", async () => {
    writeFileSync(file, "# mine\n");
    await rehearse();
    await rehearse(append, join(folder, "etc", "deep", "config.toml"));
    assert.equal(readFileSync(file, "utf8"), "# mine\n");
    assert.deepEqual(readdirSync(folder), ["config.toml"]);
  });

  it("finds a file that is read-only, unless nothing is to be changed in it", async () => {
    writeFileSync(file, account);
    chmodSync(file, 0o444);
    await assert.rejects(
      rehearse((text) => `${text}# more\n`),
      (error) => error instanceof UserError && /is read-only/.test(error.message),
    );
    await rehearse((text) => text);
  });

  it("finds a result that could not be loaded", async () => {
    writeFileSync(file, account);
    await assert.rejects(rehearse(), ConfigError);
  });

  it("finds a file in the place of a folder", async () => {
    writeFileSync(join(folder, "etc"), "");
    await assert.rejects(rehearse(append, join(folder, "etc", "config.toml")), UserError);
  });

  it("comes to what the edit itself comes to, for every user: root may write where others may not", async () => {
    const closed = join(folder, "closed");
    mkdirSync(closed);
    writeFileSync(join(folder, "link-target"), "");
    symlinkSync(join(folder, "link-target"), join(folder, "link.toml"));
    symlinkSync(join(closed, "there.toml"), join(folder, "into-closed.toml"));
    chmodSync(closed, 0o555);
    const outcome = (work: Promise<void>) =>
      work.then(
        () => "done",
        (error: Error) => error.message,
      );
    for (const path of ["closed/config.toml", "closed/deep/config.toml", "link.toml", "into-closed.toml"]) {
      const options = {
        file: join(folder, path),
        environment: environment(),
        kinds: accountKinds,
        edit: append,
      };
      const rehearsed = await outcome(rehearseEdit(options));
      assert.equal(rehearsed, await outcome(editConfigFile(options)), path);
    }
    chmodSync(closed, 0o755);
  });

  it("begins with the text that a new file gets", async () => {
    mkdirSync(join(folder, "etc"));
    const text = await readEditableText(join(folder, "etc", "config.toml"), environment());
    assert.match(text, /^database_path = "\/data\/relay\.db"$/m);
    assert.equal(await readEditableText(file, environment()), "");
    writeFileSync(file, account);
    assert.equal(await readEditableText(file, environment()), account);
  });
});
