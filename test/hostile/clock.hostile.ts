// A clock that jumps by days and years under a real `serve`, and over its restarts. `node test/hostile/clock.hostile.ts [--short]`.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { claudeFailures } from "../support/claude-script.ts";
import { patient } from "../support/patience.ts";
import type { RunningServe } from "../support/serve-process.ts";
import { until } from "../support/until.ts";
import { ask, createSite, isShort, rowsIn, type Site } from "./site.ts";

const day = 86_400_000;
const year = 365 * day;

interface ClockSite extends Site {
  set(shiftMs: number): void;
  start(): Promise<RunningServe>;
}

async function createClockSite(t: TestContext, ids?: readonly string[]): Promise<ClockSite> {
  const site = await createSite(t, ids);
  const file = join(site.folder.path, "clock");
  const set = (shiftMs: number) => writeFileSync(file, String(shiftMs));
  set(0);
  const preload = join(import.meta.dirname, "shifted-clock.ts");
  const under = ["env", `NODE_OPTIONS=--import=${preload}`, `CC_RELAY_TEST_CLOCK=${file}`];
  return { ...site, set, start: () => site.folder.start([], under) };
}

async function stop(relay: RunningServe): Promise<void> {
  relay.kill("SIGTERM");
  await relay.exited;
}

describe("clock", { concurrency: 3 }, () => {
  test("two years forward, over a start and under a running relay, delete no usage", async (t) => {
    const { folder, set, start } = await createClockSite(t);
    const first = await start();
    for (let request = 0; request < 3; request++) assert.equal(await ask(first.url), 200);
    set(2 * year);
    assert.equal(await ask(first.url), 200);
    await stop(first);
    // Old rows are deleted once a minute, here ten times a second, while nobody asks for anything.
    const second = await start();
    assert.equal(await ask(second.url), 200);
    await sleep(isShort ? 1500 : 10_000);
    set(0);
    assert.equal(await ask(second.url), 200);
    await stop(second);
    const third = await start();
    assert.equal(await ask(third.url), 200);
    await until("all rows are there", async () => (await rowsIn(folder)) === 7);
  });

  for (const [title, jump] of [
    ["a day forward and back", day],
    ["two years forward and back", 2 * year],
    ["a day back and forward", -day],
  ] as const) {
    test(`${title} leave nobody in cooldown that a limit of seconds has put there`, async (t) => {
      const { folder, upstream, set, start } = await createClockSite(t);
      const relay = await start();
      assert.equal(await ask(relay.url), 200);
      set(jump);
      upstream.queue("key-of-a", claudeFailures.bucketEmpty(10, Date.now() + jump));
      assert.equal(await ask(relay.url), 429);
      set(0);
      const begun = performance.now();
      await until("the account serves again", async () => (await ask(relay.url)) === 200);
      assert.ok(performance.now() - begun < patient(20_000), "within seconds");
      await stop(relay);
      const next = await start();
      assert.equal(await ask(next.url), 200);
      const { accounts } = JSON.parse(await folder.run(["accounts", "list", "--json"])) as {
        accounts: { state: string }[];
      };
      assert.equal(accounts[0]?.state, "ready");
    });
  }

  test("a clock that jumps all the while stops no request and loses no row", async (t) => {
    const site = await createClockSite(t, ["a", "b"]);
    const { folder, set, start } = site;
    const relay = await start();
    const pulse = site.startPulse(relay.url);
    const jumps = [day, -day, 2 * year, 0, -2 * year, 1000, -1000, 40 * year, 0];
    for (let round = 0; round < (isShort ? 1 : 30); round++) {
      for (const jump of jumps) {
        set(jump);
        await sleep(isShort ? 300 : 700);
      }
    }
    const { counts } = await pulse.stop();
    assert.deepEqual([...counts.keys()], [200]);
    await until("all rows are there", async () => (await rowsIn(folder)) === counts.get(200));
  });
});
