import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { createRunPlace, type RunPlace } from "./run-place.ts";

let place: RunPlace;
beforeEach(async () => {
  place = await createRunPlace();
});
afterEach(() => place.close());

describe("run claude, where its own settings set variables,", () => {
  const own = {
    ANTHROPIC_BASE_URL: "https://other.example",
    ANTHROPIC_API_KEY: "own",
    HTTPS_PROXY: "http://p",
    OTHER: "stays",
  };

  /** Claude Code puts what its settings say over its environment, and the file that --settings names over both. */
  function installReader(): void {
    place.install(
      "claude",
      `const at = process.argv.indexOf("--settings");
if (at > 0) fs.copyFileSync(process.argv[at + 1], ${JSON.stringify(join(place.folder, "given.json"))});
fs.writeFileSync(${JSON.stringify(join(place.folder, "mode"))}, at > 0 ? String(fs.statSync(process.argv[at + 1]).mode & 0o777) : "");`,
    );
  }

  function writeSettings(path: string, env: object): void {
    mkdirSync(join(place.folder, path, ".."), { recursive: true });
    writeFileSync(join(place.folder, path), JSON.stringify({ env, model: "opus" }));
  }

  it("overrules them for this run, in a file that nobody else can read and that goes with it", async () => {
    installReader();
    writeSettings(".claude/settings.json", { ANTHROPIC_BASE_URL: "https://another.example", OTHER: "x" });
    writeSettings("work/.claude/settings.local.json", own);
    const before = readFileSync(join(place.folder, ".claude/settings.json"), "utf8");
    const context = await place.run({ args: ["-p", "x"] }, { cwd: join(place.folder, "work") });
    const [flag, file = "", ...rest] = place.seen().args;
    assert.deepEqual([flag, ...rest], ["--settings", "-p", "x"]);
    assert.deepEqual(JSON.parse(readFileSync(join(place.folder, "given.json"), "utf8")), {
      env: { ANTHROPIC_BASE_URL: `http://127.0.0.1:${place.port}`, ANTHROPIC_API_KEY: "" },
    });
    assert.equal(readFileSync(join(place.folder, "mode"), "utf8"), String(0o600));
    // The settings bring a proxy along, so that the relay has to be excepted from it.
    assert.equal(place.seen().env.NO_PROXY, "127.0.0.1");
    assert.equal(existsSync(file), false);
    assert.equal(readFileSync(join(place.folder, ".claude/settings.json"), "utf8"), before);
    assert.equal(context.out.stderr.text(), "");
  });

  it("says so where a --settings of one's own comes last and counts", async () => {
    installReader();
    writeSettings(".claude/settings.json", own);
    const context = await place.run({ args: ["--settings", "{}"] });
    assert.equal(
      context.out.stderr.text(),
      "! Claude Code's settings set ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY: it may pass the relay by\n" +
        "  - to have that overruled for this run, leave --settings out\n",
    );
  });

  it("adds nothing where they agree or speak of other things, and leaves broken ones to Claude Code", async () => {
    place.install("claude");
    writeSettings(".claude/settings.json", {
      ANTHROPIC_BASE_URL: `http://127.0.0.1:${place.port}`,
      OTHER: "x",
    });
    await place.run({ args: ["-p"] });
    assert.deepEqual(place.seen().args, ["-p"]);
    writeFileSync(join(place.folder, ".claude/settings.json"), "{");
    await place.run({ args: ["-p"] });
    assert.deepEqual(place.seen().args, ["-p"]);
  });
});
