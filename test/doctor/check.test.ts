import assert from "node:assert/strict";
import { it } from "node:test";
import { bounded, findingsOn } from "../../src/doctor/check.ts";

const findings = findingsOn("clients", "claude");

it("a check that hangs ends at its limit and stops no other", async () => {
  const [check] = await bounded({ findings, limitMs: 20, work: () => new Promise(() => {}) });
  assert.deepEqual(check, {
    group: "clients",
    label: "claude",
    name: "claude",
    status: "warn",
    detail: "not known within 0.02 s",
    fix: { instruction: "to try again, run:", command: "cc-relay doctor" },
    needsLogin: false,
  });
});

it("a check that throws is a failure of that check alone", async () => {
  const [check] = await bounded({
    findings,
    limitMs: 1000,
    work: async () => {
      throw new TypeError("x is not a function");
    },
  });
  assert.equal(check?.status, "fail");
  assert.equal(check?.detail, "the check itself failed: x is not a function");
});

it("a check that is done in time leaves no timer behind", async () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const found = await bounded({ findings, limitMs: 60_000, work: () => [findings.ok("fine")] });
  assert.deepEqual(found, [findings.ok("fine")]);
  assert.equal(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length, before);
});
