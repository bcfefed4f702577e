// When `top` draws: at most four times a second, and not at all while nothing changes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runLiveScreen, untilChange } from "../../../src/cli/top/live-screen.ts";
import { createState } from "../../../src/cli/top/state.ts";
import type { StatusDocument } from "../../../src/documents/types.ts";
import type { FullScreenEvents } from "../../../src/terminal/full-screen.ts";
import { createStyle } from "../../../src/terminal/style.ts";
import { now, status } from "./status.ts";

const quiet: StatusDocument = { ...status, running: [], accounts: [status.accounts[1]!] };
const state = { ...createState("http://127.0.0.1:3000"), status: quiet };

test("the picture is drawn every second while something counts seconds, else every minute", () => {
  assert.equal(untilChange(state, now), 60_000);
  assert.equal(untilChange({ ...state, status: { ...quiet, running: status.running } }, now), 1000);
  const soon = { ...quiet.accounts[0]!, until: new Date(now + 30_000).toISOString() };
  assert.equal(untilChange({ ...state, status: { ...quiet, accounts: [soon] } }, now), 1000);
});

test("many changes in a moment are drawn together, and q ends it with 0", async () => {
  let draws = 0;
  const draw = () => {
    draws += 1;
  };
  let events: FullScreenEvents | undefined;
  let tell = (_status: StatusDocument) => {};
  const ended = runLiveScreen({
    findOrigin: async () => "http://127.0.0.1:3000",
    follow: (_origin, signal, onStatus) => {
      tell = onStatus;
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    },
    openScreen(given) {
      events = given;
      return { columns: 80, rows: 24, draw, close: () => {} };
    },
    look: { style: createStyle(false), unicode: true },
    now: () => now,
    ...{ readAccount: async () => [], readRequest: async () => undefined },
    changeAccount: async () => "",
    frameMs: 100,
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  for (let count = 0; count < 500; count += 1) tell(quiet);
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.ok(draws >= 2 && draws <= 4, `${draws} pictures`);
  events?.onKey({ name: "text", text: "q" });
  assert.equal(await ended, 0);
});
