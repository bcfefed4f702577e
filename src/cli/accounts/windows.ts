// Prints usage windows as lines with a bar, and as text for a pipe.

import type { WindowDocument } from "../../documents/types.ts";
import { bar } from "../../terminal/bars.ts";
import type { Screen } from "../../terminal/output.ts";
import type { Style } from "../../terminal/style.ts";
import { displayWidth, singleLine, truncate } from "../../terminal/width.ts";
import { percent, relativeTime, rfc3339 } from "../../text/format.ts";
import type { Window } from "../../usage/window.ts";

export interface WindowsContext {
  screen: Pick<Screen, "width" | "style" | "unicode">;
  now: number;
  fullAt: number;
}

/** The lines of each account's windows, in the same columns for all of them; two columns are left for an indent. */
export function drawWindows(accounts: readonly (readonly Window[])[], context: WindowsContext): string[][] {
  const shown = accounts.map((windows) =>
    inOrder(windows.filter((window) => isWorthALine(window, context.now))),
  );
  const nameWidth = Math.max(0, ...shown.flat().map(({ name }) => displayWidth(shortName(name))));
  return shown.map((windows) => windows.map((window) => drawWindow(window, nameWidth, context)));
}

function drawWindow(window: Window, nameWidth: number, { screen, now, fullAt }: WindowsContext): string {
  const { width, style, unicode } = screen;
  const { name, utilization } = window;
  const barWidth = Math.min(30, Math.max(10, Math.floor(width / 4)));
  const isOver = hasEnded(window, now);
  const paint = isOver ? style.dim : colourOf(window, fullAt, style);
  const room = width - 2 - nameWidth - barWidth - percentWidth - 3 * 2;
  const words = truncate(describe(window, now), Math.max(room, 0), unicode);
  const cells =
    utilization === undefined
      ? [" ".repeat(barWidth), " ".repeat(percentWidth), paint(words)]
      : [
          paint(bar(isOver ? 0 : utilization, { width: barWidth, unicode, track: true })),
          (isOver ? "" : percent(utilization)).padStart(percentWidth),
          words,
        ];
  return [padEnd(shortName(name), nameWidth), ...cells].join("  ").trimEnd();
}

/** `5h=0.56@2026-11-22T16:14:00Z`; what is not known is left out. */
export function windowText({ name, utilization, resetsAt }: Window): string {
  const used = utilization === undefined ? "" : `=${utilization}`;
  return `${name}${used}${resetsAt === undefined ? "" : `@${rfc3339(resetsAt)}`}`;
}

/** As it came from the relay. */
export function readWindow({ name, utilization, resets_at, status }: WindowDocument): Window {
  return {
    name,
    utilization: utilization ?? undefined,
    resetsAt: resets_at === null ? undefined : Date.parse(resets_at),
    status: status ?? undefined,
  };
}

const percentWidth = 4;
const nearlyFull = 0.8;

/** Providers choose the names; the usual ones have up to 13 letters. */
function shortName(name: string): string {
  return truncate(singleLine(name), 16);
}

/** Windows of a length in time before the others, the shorter ones first. */
function inOrder(windows: readonly Window[]): Window[] {
  return windows.toSorted((a, b) => lengthOf(a.name) - lengthOf(b.name));
}

function lengthOf(name: string): number {
  const parts = /^(\d+)([mhd])(?:_|$)/.exec(name);
  if (parts === null) return Number.MAX_SAFE_INTEGER;
  const minutes = { m: 1, h: 60, d: 1440 }[parts[2] as "m" | "h" | "d"];
  return Number(parts[1]) * minutes;
}

/** The small buckets of API keys refill within a minute: one that is over says nothing. */
function isWorthALine(window: Window, now: number): boolean {
  return !hasEnded(window, now) || lengthOf(window.name) < Number.MAX_SAFE_INTEGER;
}

function hasEnded({ resetsAt }: Window, now: number): boolean {
  return resetsAt !== undefined && resetsAt <= now;
}

/** @param fullAt `session.switch_at_utilization` */
export function colourOf(
  { utilization = 0, status }: Pick<Window, "utilization" | "status">,
  fullAt: number,
  style: Style,
): (text: string) => string {
  if (utilization >= fullAt || status === "rejected" || status === "in-use") return style.red;
  return utilization >= nearlyFull ? style.yellow : style.green;
}

/** When it ends, and the provider's status where it is not the usual one. */
function describe(window: Window, now: number): string {
  const { resetsAt, status } = window;
  if (hasEnded(window, now)) return `was reset ${relativeTime(resetsAt!, now)}`;
  const reset = resetsAt === undefined ? [] : [`resets ${relativeTime(resetsAt, now)}`];
  const word = status === undefined || status === "allowed" ? [] : [singleLine(status).replaceAll("_", " ")];
  return [...reset, ...word].join(", ");
}

function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}
