import assert from "node:assert/strict";
import { test } from "node:test";
import { ageToken, freshnessOf, remainingMs } from "../../src/oauth/token-age.ts";

const hour = 3_600_000;

function clocks(now: number, monotonic = 0) {
  const state = { wall: now, mono: monotonic };
  return {
    state,
    clock: { now: () => state.wall, monotonic: () => state.mono },
    pass(ms: number) {
      state.wall += ms;
      state.mono += ms;
    },
  };
}

test("a token is refreshed in the background from 120 s before its end and must be from 10 s before it", () => {
  const { clock, pass } = clocks(1_000_000);
  const token = ageToken({ token: "t", issuedAt: clock.now(), expiresAt: clock.now() + 8 * hour }, clock);
  const table: [number, string][] = [
    [8 * hour - 120_001, "fresh"],
    [1, "refresh-soon"],
    [109_999, "refresh-soon"],
    [1, "refresh-now"],
    [20_000, "refresh-now"],
  ];
  for (const [ms, freshness] of table) {
    pass(ms);
    assert.equal(freshnessOf(token, clock), freshness);
  }
});

test("a wall clock set back does not make an old token young", () => {
  const { clock, state, pass } = clocks(100 * hour);
  const token = ageToken({ token: "t", issuedAt: clock.now(), expiresAt: clock.now() + hour }, clock);
  pass(hour - 5_000);
  state.wall -= 50 * hour;
  assert.equal(remainingMs(token, clock), 5_000);
  assert.equal(freshnessOf(token, clock), "refresh-now");
});

test("time that passed while the machine slept counts, although the monotonic clock did not go on", () => {
  const { clock, state } = clocks(100 * hour);
  const token = ageToken({ token: "t", issuedAt: clock.now(), expiresAt: clock.now() + hour }, clock);
  state.wall += 2 * hour;
  assert.equal(freshnessOf(token, clock), "refresh-now");
});

test("a token read from the store while the clock is wrong lasts no longer than its lifetime", () => {
  const { clock } = clocks(10 * hour);
  const token = ageToken({ token: "t", issuedAt: 100 * hour, expiresAt: 101 * hour }, clock);
  assert.equal(remainingMs(token, clock), hour);
});

test("a token that lives for seconds is used for half of them", () => {
  const { clock, pass } = clocks(0);
  const token = ageToken({ token: "t", issuedAt: 0, expiresAt: 8_000 }, clock);
  assert.equal(freshnessOf(token, clock), "fresh");
  pass(4_000);
  assert.equal(freshnessOf(token, clock), "refresh-now");
});
