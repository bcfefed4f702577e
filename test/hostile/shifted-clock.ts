// Preloaded into `serve`: moves its time of day by as many milliseconds as a file says. Its monotonic clock goes on as it is,
// and what it does once a minute it does ten times a second.

import { readFileSync } from "node:fs";

const file = process.env.CC_RELAY_TEST_CLOCK;
const System = Date;
let shift = 0;
let readAt = Number.NEGATIVE_INFINITY;

function now(): number {
  if (file !== undefined && performance.now() - readAt > 5) {
    readAt = performance.now();
    shift = Number(readFileSync(file, "utf8"));
  }
  return System.now() + shift;
}

globalThis.Date = new Proxy(System, {
  construct: (target, args: [], self) => Reflect.construct(target, args.length === 0 ? [now()] : args, self),
  apply: () => new System(now()).toString(),
  get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
});

const start = setInterval;
globalThis.setInterval = ((work: () => void, ms: number) =>
  start(work, ms === 60_000 ? 100 : ms)) as typeof setInterval;
