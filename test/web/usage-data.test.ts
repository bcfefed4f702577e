// The usage screen's figures: how a period is divided into steps, and that nothing of it is lost or counted twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { UsageSeriesDocument } from "../../src/documents/types.ts";
import { stepsOf } from "../../src/web/usage-data.ts";
import { send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { seedRows } from "./seed.ts";
import { ownFetch, signIn } from "./sign-in.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const noon = new Date(2026, 10, 20, 12).getTime();

for (const [words, since, until, step, many] of [
  ["a day", noon - dayMs + hourMs, noon + 1000, "hour", 24],
  ["a week", new Date(2026, 10, 14).getTime(), noon, "day", 7],
  ["three months", noon - 90 * dayMs, noon, "day", 91],
  ["a year", noon - 365 * dayMs, noon, "week", 53],
  ["nothing", noon, noon, "hour", 0],
] as const) {
  test(`${words} is ${many} steps of a ${step} without gap or overlap`, () => {
    const found = stepsOf({ since, until });
    assert.equal(found.step, step);
    assert.equal(found.steps.length, many);
    let at: number = since;
    for (const { from, to } of found.steps) {
      assert.equal(from, at);
      assert.ok(to > from);
      at = to;
    }
    assert.equal(at, until);
    assert.equal(new Set(found.steps.map(({ label }) => label)).size, many);
  });
}

test("a whole century is no more than eight years of weeks", () => {
  assert.ok(stepsOf({ since: 0, until: noon * 2 }).steps.length <= 421);
});

test("the steps add up to the total, by every key", async (t) => {
  const now = Date.now();
  const { relay } = await setStage(t);
  const rows = seedRows(now, { days: 20, perDay: 15 });
  await Promise.all(rows.map((row) => relay.store.usage.record(row)));
  const cookie = await signIn(relay);
  const get = (query: string) =>
    send(relay.url, { path: `/ui/data/usage?${query}`, headers: [...cookie, ...ownFetch] });
  for (const by of ["model", "account", "client", "family"]) {
    const answer = await get(`since=30d&by=${by}`);
    assert.equal(answer.status, 200);
    const { steps, rows: sums, total } = answer.json() as UsageSeriesDocument;
    const sum = (list: readonly { requests: number }[]) =>
      list.reduce((all, { requests }) => all + requests, 0);
    assert.equal(total.requests, rows.length);
    assert.equal(sum(sums), rows.length);
    assert.equal(sum(steps.flatMap((one) => one.rows)), rows.length);
  }
  for (const wrong of ["since=nonsense", "by=outcome", "since=2026-11-20&until=2026-11-01"])
    assert.equal((await get(wrong)).status, 400, wrong);
});
