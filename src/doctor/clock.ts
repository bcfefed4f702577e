// Checks this machine's clock against the providers': tokens, cooldowns and certificates all depend on it.

import { duration } from "../text/format.ts";
import { type Check, findingsOn } from "./check.ts";

/** What a provider's answer said about the time. */
export interface ClockReading {
  host: string;
  /** By the provider's Date header, epoch ms. */
  theirs: number;
  /** By our clock when the answer was on its way, epoch ms. */
  ours: number;
}

const warnMs = 2 * 60_000;
const failMs = 5 * 60_000;

/** Undefined when no provider answered: then nothing is known. */
export function checkClock(readings: readonly ClockReading[], platform: NodeJS.Platform): Check | undefined {
  const reading = middle(readings);
  if (reading === undefined) return undefined;
  const findings = findingsOn("machine", "clock");
  const apart = Math.abs(offsetOf(reading));
  // The header has whole seconds and is as old as the answer's way.
  if (apart < warnMs) return findings.ok(apart < 3000 ? `right, says ${reading.host}` : describe(reading));
  const fix = { instruction: "to set it, run:", command: howToSet[platform] ?? howToSet.linux };
  return apart < failMs ? findings.warn(describe(reading), fix) : findings.fail(describe(reading), fix);
}

/** One provider's clock can be wrong, too. */
function middle(readings: readonly ClockReading[]): ClockReading | undefined {
  const sorted = readings.toSorted((a, b) => Math.abs(offsetOf(a)) - Math.abs(offsetOf(b)));
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

function offsetOf({ theirs, ours }: ClockReading): number {
  return ours - theirs;
}

function describe(reading: ClockReading): string {
  const offset = offsetOf(reading);
  return `${inWords(Math.abs(offset))} ${offset < 0 ? "behind" : "ahead of"} ${reading.host}`;
}

/** Rounded to what can be read off a clock. */
function inWords(ms: number): string {
  const unit = ms < warnMs ? 1000 : 60_000;
  return duration(Math.round(ms / unit) * unit);
}

const howToSet: Partial<Record<NodeJS.Platform, string>> & { linux: string } = {
  linux: "sudo timedatectl set-ntp true",
  darwin: "sudo sntp -sS time.apple.com",
  win32: "w32tm /resync",
};
