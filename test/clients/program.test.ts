import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { findProgram } from "../../src/clients/program.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cc-relay-find-"));
  mkdirSync(join(folder, "bin"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("findProgram", () => {
  it("takes the first executable file of PATH", async () => {
    const [one, two] = [join(folder, "one"), join(folder, "two")];
    mkdirSync(join(one, "claude"), { recursive: true });
    mkdirSync(two);
    writeFileSync(join(folder, "bin", "claude"), "");
    writeFileSync(join(two, "claude"), "", { mode: 0o755 });
    const env = { PATH: ["", one, join(folder, "bin"), two].join(delimiter) };
    assert.equal(await findProgram("claude", { env, platform: "linux" }), join(two, "claude"));
    assert.equal(await findProgram("gemini", { env, platform: "linux" }), undefined);
    assert.equal(await findProgram("claude", { env: {}, platform: "linux" }), undefined);
  });

  it("tries the endings of PATHEXT on Windows", async () => {
    writeFileSync(join(folder, "bin", "codex.CMD"), "", { mode: 0o755 });
    const env = { Path: join(folder, "bin"), PATHEXT: ".EXE;.CMD" };
    assert.equal(await findProgram("codex", { env, platform: "win32" }), join(folder, "bin", "codex.CMD"));
  });
});
