import assert from "node:assert/strict";
import { it } from "node:test";
import { fixHere, withSameConfig } from "../../src/cli/same-config.ts";

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
