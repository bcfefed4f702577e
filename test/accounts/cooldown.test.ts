import assert from "node:assert/strict";
import { test } from "node:test";
import { cooldownAfter, streakKey } from "../../src/accounts/cooldown.ts";
import type { Failure } from "../../src/domain/failure.ts";
import { start } from "./fakes.ts";

const policy = { unavailableMs: 3_600_000 };

function cooldown(failure: Failure, streak = 1): string {
  const decision = cooldownAfter(failure, policy, { modelScope: "opus", streak, now: start });
  return decision ? `${decision.scope || "account"} ${(decision.until - start) / 1000}s` : "no cooldown";
}

const cause = new Error("connect ECONNREFUSED");
const unreachable: Failure = { kind: "unreachable", cause, safeToRepeat: false };
const serverError: Failure = { kind: "server-error", status: 502, reason: "bad gateway" };

test("a limit puts the account, or only the model, in cooldown until the provider's time", () => {
  assert.equal(
    cooldown({ kind: "rate-limited", scope: "account", until: start + 90_000, reason: "" }),
    "account 90s",
  );
  assert.equal(
    cooldown({ kind: "rate-limited", scope: "model", until: start + 90_000, reason: "" }),
    "opus 90s",
  );
});

test("a limit without a time means a cooldown of a minute, and longer when it repeats", () => {
  const failure: Failure = { kind: "rate-limited", scope: "account", reason: "" };
  assert.deepEqual(
    [1, 2, 3, 10].map((streak) => cooldown(failure, streak)),
    ["account 60s", "account 120s", "account 240s", "account 3600s"],
  );
});

test("missing capacity puts the model in cooldown for seconds, growing, never above a minute", () => {
  const failure: Failure = { kind: "capacity", reason: "" };
  assert.deepEqual(
    [1, 2, 3, 9].map((streak) => cooldown(failure, streak)),
    ["opus 2s", "opus 4s", "opus 8s", "opus 60s"],
  );
  assert.equal(cooldown({ ...failure, until: start + 7000 }), "opus 7s");
  assert.equal(cooldown({ ...failure, until: start + 700_000 }), "opus 60s");
});

test("faults cooldown the account from the third in a row on", () => {
  for (const failure of [unreachable, serverError]) {
    assert.deepEqual(
      [1, 2, 3, 4, 20].map((streak) => cooldown(failure, streak)),
      ["no cooldown", "no cooldown", "account 10s", "account 20s", "account 300s"],
    );
  }
});

test("resets and gateway errors count as one streak, other kinds as their own", () => {
  assert.equal(streakKey(unreachable, "opus"), streakKey(serverError, "haiku"));
  assert.notEqual(
    streakKey({ kind: "capacity", reason: "" }, "opus"),
    streakKey({ kind: "capacity", reason: "" }, "haiku"),
  );
});

test("a proxy's fault cooldowns the account at once, but briefly", () => {
  assert.equal(cooldown({ kind: "proxy", cause }), "account 30s");
});

test("refused credentials and accounts that a person must fix are in cooldown for the configured time", () => {
  assert.equal(cooldown({ kind: "unauthorized", reason: "" }), "account 3600s");
  assert.equal(cooldown({ kind: "account-out", reason: "" }), "account 3600s");
  assert.equal(cooldown({ kind: "model-denied", reason: "" }), "opus 3600s");
});

test("nobody is in cooldown for what is nobody's fault", () => {
  const failures: Failure[] = [
    { kind: "limited-unblamed", reason: "" },
    { kind: "model-missing", reason: "" },
    { kind: "rejected", status: 400, reason: "" },
    { kind: "aborted" },
  ];
  for (const failure of failures) assert.equal(cooldown(failure, 9), "no cooldown", failure.kind);
});
