import assert from "node:assert/strict";
import { it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { fixHere, readHere, withSameConfig } from "../../src/cli/same-config.ts";
import { ConfigError } from "../../src/config/problem.ts";
import { fakeConfig } from "./support.ts";

it("every command that reads a configuration is named with the file of this call", () => {
  const texts: [string, string][] = [
    ["cc-relay serve", "cc-relay --config 'my $&.toml' serve"],
    ['eval "$(cc-relay env claude)"', "eval \"$(cc-relay --config 'my $&.toml' env claude)\""],
    ["cc-relay --help", "cc-relay --help"],
  ];
  for (const [text, expected] of texts) {
    assert.equal(withSameConfig(text, "my $&.toml"), expected);
    assert.equal(withSameConfig(text, undefined), text);
  }
});

it("what is said around a command stays as it is", () => {
  const fix = { instruction: "cc-relay serve is what runs; to stop it, run:", command: "cc-relay doctor" };
  assert.deepEqual(fixHere(fix, "my.toml"), { ...fix, command: "cc-relay --config my.toml doctor" });
  assert.deepEqual(fixHere("see cc-relay serve", "my.toml"), {
    instruction: "see cc-relay serve",
    command: undefined,
  });
});

it("so is what fixes the problems and warnings of that file", async () => {
  const fix = { instruction: "run:", command: "cc-relay login claude" };
  const here = { instruction: "run:", command: "cc-relay --config my.toml login claude" };
  const config = { ...fakeConfig(), warnings: [{ fact: "a warning", fix }] };
  assert.deepEqual((await readHere("my.toml", async () => config)).warnings, [
    { fact: "a warning", fix: here },
  ]);
  const problem = { file: "my.toml", line: 3, key: "accounts[0].refresh_token", what: "is missing" };
  const broken = new ConfigError([{ ...problem, fix }]);
  await assert.rejects(
    readHere("my.toml", () => Promise.reject(broken)),
    (error) =>
      error instanceof ConfigError &&
      error.message.endsWith("\n  - run: cc-relay --config my.toml login claude") &&
      isDeepStrictEqual(error.problems, [{ ...problem, fix: here }]),
  );
});
