// Codex over WebSocket, every fault of an account in every way of using Codex: its user sees two turns as without a fault.
// Two at a time; all 123 took 16 minutes on two busy cores, of which `exec`, which starts Codex twice a case, took 10.

import { describe, test } from "node:test";
import { type Place, playFault, type RowName, rows } from "./codex-faults.ts";
import { type SceneName, scenes } from "./codex-scenes.ts";

/** With `exec` a second turn is a new socket. */
const placesOf: Record<SceneName, readonly Place[]> = {
  exec: ["the warm-up", "the first request", "a tool's result"],
  "app-server": ["the second turn"],
  terminal: ["a tool's result"],
};

for (const scene of Object.keys(scenes) as SceneName[])
  describe(`Codex in ${scene}`, { concurrency: 2 }, () => {
    for (const [row, { ...about }] of Object.entries(rows))
      for (const place of "fault" in about ? placesOf[scene] : placesOf[scene].slice(0, 1))
        test(`what an account does that ${row}, at ${place}`, (t) =>
          playFault(t, { scene, row: row as RowName, place }));
  });
