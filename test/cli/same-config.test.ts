import assert from "node:assert/strict";
import { it } from "node:test";
import { withSameConfig } from "../../src/cli/same-config.ts";

it("every command that reads a configuration is named with the file of this call", () => {
  const texts: [string, string][] = [
    ["to start it, run: cc-relay serve", "to start it, run: cc-relay --config 'my $&.toml' serve"],
    [
      'run: eval "$(cc-relay env claude)", or cc-relay doctor',
      "run: eval \"$(cc-relay --config 'my $&.toml' env claude)\", or cc-relay --config 'my $&.toml' doctor",
    ],
    ["cc-relay runs; see cc-relay --help", "cc-relay runs; see cc-relay --help"],
  ];
  for (const [text, expected] of texts) {
    assert.equal(withSameConfig(text, "my $&.toml"), expected);
    assert.equal(withSameConfig(text, undefined), text);
  }
});
