import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import {
  commandHere,
  fixHere,
  type Invocation,
  readHere,
  readProgramName,
} from "../../src/cli/invocation.ts";
import { ConfigError } from "../../src/config/problem.ts";
import type { Environment } from "../../src/terminal/environment.ts";
import { fakeConfig } from "./support.ts";

const usual: Invocation = { configFile: undefined, program: "cc-relay" };
const mine: Invocation = { ...usual, configFile: "my.toml" };

it("every command that reads a configuration is named with the file of this call", () => {
  const texts: [string, string][] = [
    ["cc-relay serve", "cc-relay --config 'my $&.toml' serve"],
    ['eval "$(cc-relay env claude)"', "eval \"$(cc-relay --config 'my $&.toml' env claude)\""],
    ["cc-relay --help", "cc-relay --help"],
  ];
  for (const [text, expected] of texts) {
    assert.equal(commandHere(text, { ...usual, configFile: "my $&.toml" }), expected);
    assert.equal(commandHere(text, usual), text);
  }
});

it("every command of ours begins with npx where a shell finds it in no other way, and no other one", () => {
  const byNpx: Invocation = { configFile: "my.toml", program: "npx cc-relay" };
  const texts: [string, string][] = [
    ['eval "$(cc-relay env claude)"', 'eval "$(npx cc-relay --config my.toml env claude)"'],
    ["cc-relay --version", "npx cc-relay --version"],
    ["npx cc-relay serve", "npx cc-relay --config my.toml serve"],
    ["npm install --global cc-relay@latest", "npm install --global cc-relay@latest"],
    ["chmod 600 /home/me/cc-relay /home/me/x", "chmod 600 /home/me/cc-relay /home/me/x"],
  ];
  for (const [text, expected] of texts) assert.equal(commandHere(text, byNpx), expected);
});

it("npx is named only where it has started this program and no shell would find it", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-path-"));
  t.after(() => rm(folder, { recursive: true }));
  const own = join(folder, "node_modules", ".bin");
  await mkdir(own, { recursive: true });
  await writeFile(join(own, "cc-relay"), "");
  const env = {
    npm_lifecycle_event: "npx",
    npm_lifecycle_script: "'cc-relay' serve",
    PATH: `${own}:${folder}`,
  };
  const nameOf = (some: Environment) => readProgramName({ ...env, ...some }, "linux");
  assert.equal(nameOf({}), "npx cc-relay");
  assert.equal(nameOf({ npm_lifecycle_script: "cc-relay 'serve' '--demo'" }), "npx cc-relay");
  assert.equal(nameOf({ npm_lifecycle_script: "node --test" }), "cc-relay");
  assert.equal(nameOf({ npm_lifecycle_event: "start" }), "cc-relay");
  assert.equal(nameOf({ npm_lifecycle_event: undefined }), "cc-relay");
  await writeFile(join(folder, "cc-relay"), "");
  assert.equal(nameOf({}), "cc-relay");
});

it("what is said around a command stays as it is", () => {
  const fix = { instruction: "cc-relay serve is what runs; to stop it, run:", command: "cc-relay doctor" };
  assert.deepEqual(fixHere(fix, mine), { ...fix, command: "cc-relay --config my.toml doctor" });
  assert.deepEqual(fixHere("see cc-relay serve", mine), {
    instruction: "see cc-relay serve",
    command: undefined,
  });
});

it("so is what fixes the problems and warnings of that file", async () => {
  const fix = { instruction: "run:", command: "cc-relay login claude" };
  const here = { instruction: "run:", command: "cc-relay --config my.toml login claude" };
  const config = { ...fakeConfig(), warnings: [{ fact: "a warning", fix }] };
  assert.deepEqual((await readHere(mine, async () => config)).warnings, [{ fact: "a warning", fix: here }]);
  const problem = { file: "my.toml", line: 3, key: "accounts[0].refresh_token", what: "is missing" };
  const broken = new ConfigError([{ ...problem, fix }]);
  await assert.rejects(
    readHere(mine, () => Promise.reject(broken)),
    (error) =>
      error instanceof ConfigError &&
      error.message.endsWith("\n  - run: cc-relay --config my.toml login claude") &&
      isDeepStrictEqual(error.problems, [{ ...problem, fix: here }]),
  );
});
