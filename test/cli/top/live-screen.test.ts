// When `top` draws: at most four times a second, and not at all while nothing changes.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runLiveScreen, untilChange } from "../../../src/cli/top/live-screen.ts";
import { createState } from "../../../src/cli/top/state.ts";
import type { StatusDocument } from "../../../src/documents/types.ts";
import { UserError } from "../../../src/domain/errors.ts";
import type { FullScreenEvents } from "../../../src/terminal/full-screen.ts";
import { createStyle } from "../../../src/terminal/style.ts";
import { until } from "../../support/until.ts";
import { now, status } from "./status.ts";

const quiet: StatusDocument = { ...status, running: [], accounts: [status.accounts[1]!] };
const state = { ...createState("http://127.0.0.1:3000"), status: quiet };

test("the picture is drawn every second while something counts seconds, else every minute", () => {
  assert.equal(untilChange(state, now), 60_000);
  assert.equal(untilChange({ ...state, status: { ...quiet, running: status.running } }, now), 1000);
  const soon = { ...quiet.accounts[0]!, until: new Date(now + 30_000).toISOString() };
  assert.equal(untilChange({ ...state, status: { ...quiet, accounts: [soon] } }, now), 1000);
});

async function openTop(t: TestContext, frameMs?: number) {
  const seen = { draws: 0, tell: (_status: StatusDocument) => {} };
  let events: FullScreenEvents | undefined;
  const ended = runLiveScreen({
    findOrigin: async () => "http://127.0.0.1:3000",
    follow: (_origin, signal, onStatus) => {
      seen.tell = onStatus;
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    },
    openScreen(given) {
      events = given;
      t.after(() => given.onEnd(0));
      return { columns: 80, rows: 24, draw: () => void seen.draws++, close: () => {} };
    },
    look: { style: createStyle(false), unicode: true, fullAt: 0.98 },
    now: () => now,
    ...{ readAccount: async () => [], readRequest: async () => undefined },
    changeAccount: async () => "",
    invocation: { configFile: undefined, program: "cc-relay" },
    frameMs,
  });
  await until("the first picture", () => seen.draws === 1);
  assert.ok(events);
  return { seen, events, ended };
}

test("many changes in a moment are drawn together, and q ends it with 0", async (t) => {
  const { seen, events, ended } = await openTop(t, 100);
  const begunAt = performance.now();
  for (let count = 0; count < 500; count += 1) seen.tell(quiet);
  await until("what came is drawn", () => seen.draws > 1);
  const frames = Math.floor((performance.now() - begunAt) / 100);
  assert.ok(seen.draws <= 2 + frames, `${seen.draws} pictures in ${frames} frames`);
  events.onKey({ name: "text", text: "q" });
  assert.equal(await ended, 0);
});

test("by default there are at most four pictures a second, however many changes there are", async (t) => {
  const { seen, events, ended } = await openTop(t);
  const begunAt = performance.now();
  while (seen.draws < 5) {
    seen.tell(quiet);
    await sleep(5);
  }
  // Four more than the one that was there need the time of four, but for what the clock of timers rounds.
  assert.ok(performance.now() - begunAt >= 3 * 250 - 5, `${performance.now() - begunAt} ms`);
  events.onKey({ name: "text", text: "q" });
  assert.equal(await ended, 0);
});

test("a key is drawn at once after a rest, held keys and new sizes no more often than a frame", async (t) => {
  const { seen, events, ended } = await openTop(t, 100);
  await sleep(110);
  events.onKey({ name: "down" });
  assert.equal(seen.draws, 2);
  for (let count = 0; count < 30; count += 1) {
    events.onKey({ name: count % 2 === 0 ? "up" : "down" });
    events.onChange();
  }
  assert.equal(seen.draws, 2);
  await until("the picture of all of them", () => seen.draws === 3);
  events.onKey({ name: "text", text: "q" });
  assert.equal(await ended, 0);
});

test("a lost relay whose new address is not known yet is looked for again", async (t) => {
  const origins = ["http://127.0.0.1:3000", undefined, "http://127.0.0.1:4000"];
  const followed: string[] = [];
  const ended = runLiveScreen({
    findOrigin: async () => origins.shift() ?? Promise.reject(new UserError("no relay is running")),
    async follow(origin, signal, onStatus) {
      followed.push(origin);
      onStatus(quiet);
      if (followed.length === 2) await once(signal, "abort");
    },
    openScreen(events) {
      t.after(() => events.onEnd(0));
      return { columns: 80, rows: 24, draw() {}, close() {} };
    },
    look: { style: createStyle(false), unicode: true, fullAt: 0.98 },
    now: () => now,
    ...{ readAccount: async () => [], readRequest: async () => undefined },
    changeAccount: async () => "",
    invocation: { configFile: undefined, program: "cc-relay" },
    retryMs: 1,
  });
  await Promise.race([ended, until("the new address", () => followed.length === 2)]);
  assert.deepEqual(followed, ["http://127.0.0.1:3000", "http://127.0.0.1:4000"]);
});
