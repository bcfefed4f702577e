import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { checkNode } from "../../src/doctor/node.ts";

for (const [version, status] of [
  ["20.20.0", "fail"],
  ["22.18.9", "fail"],
  ["22.19.0", "ok"],
  ["23.0.0", "ok"],
  ["24.21.0", "ok"],
] as const) {
  it(`Node ${version} is ${status === "ok" ? "new enough" : "too old"}`, () => {
    assert.equal(checkNode(version).status, status);
  });
}

it("the oldest Node is the one that package.json names", () => {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const { engines } = manifest as { engines: { node: string } };
  assert.equal(checkNode(engines.node.replace(">=", "")).status, "ok");
  assert.match(
    checkNode("1.0.0").detail,
    new RegExp(`needs ${engines.node.replace(">=", "").replace(/\.0$/, "")} `),
  );
});
