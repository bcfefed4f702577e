import assert from "node:assert/strict";
import { it } from "node:test";
import { escapeArgumentForCmd } from "../../src/clients/start-program.ts";

it("arguments for a batch file on Windows are quoted for the runtime and escaped twice for cmd.exe", () => {
  assert.equal(escapeArgumentForCmd("plain"), '^^^"plain^^^"');
  assert.equal(escapeArgumentForCmd('a "b" c\\'), '^^^"a^^^ \\^^^"b\\^^^"^^^ c\\\\^^^"');
  assert.equal(escapeArgumentForCmd("100%&x"), '^^^"100^^^%^^^&x^^^"');
});
