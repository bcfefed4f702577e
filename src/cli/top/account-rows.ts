// The accounts as rows of `top`: state with its countdown, windows as bars with the time to their reset, and figures.

import type { StatusDocument, WindowDocument } from "../../documents/types.ts";
import { bar } from "../../terminal/bars.ts";
import type { Screen } from "../../terminal/output.ts";
import { type Style, withoutStyle } from "../../terminal/style.ts";
import { type Cell, drawRow, gap } from "../../terminal/table.ts";
import { displayWidth, truncate, wrap } from "../../terminal/width.ts";
import { count, duration, percent, usd, useText } from "../../text/format.ts";
import { colourOf } from "../accounts/windows.ts";
import { shown } from "../requests/columns.ts";

type LiveAccount = StatusDocument["accounts"][number];
type RowScreen = Pick<Screen, "width" | "style" | "unicode"> & {
  /** `session.switch_at_utilization`: a window that is so full is red. */
  fullAt: number;
};

export interface AccountTable {
  header: string;
  /** One line, and below it the reason where there is one; `isWhole`: and what there was no room for. */
  rows(account: LiveAccount, place: { now: number; isWhole: boolean }): string[];
}

export function createAccountTable(accounts: readonly LiveAccount[], screen: RowScreen): AccountTable {
  const { width, style, unicode, fullAt } = screen;
  const idWidth = Math.min(Math.max(7, ...accounts.map(({ id }) => displayWidth(id))), width < 100 ? 16 : 28);
  const figures =
    width < 70
      ? ["RUN"]
      : ["RUN", width < 98 ? "REQS" : "24H REQS", "TOKENS", ...(width < 90 ? [] : ["COST"])];
  const figureWidths = figures.map(
    (name) => ({ RUN: 3, REQS: 5, "24H REQS": 8, TOKENS: 6, COST: 9 })[name] ?? 6,
  );
  const taken = idWidth + stateWidth + figureWidths.reduce((sum, each) => sum + each + gap, 0) + 2 * gap;
  const windowsWidth = Math.max(0, width - taken);
  const windowWidth = shareWindows(
    windowsWidth,
    Math.max(1, ...accounts.map(({ windows }) => windows.length)),
  );
  const widths = [idWidth, stateWidth, windowsWidth, ...figureWidths];
  const columns = widths.map((_, index) => (index > 2 ? { align: "right" as const } : {}));
  const titles = ["ACCOUNT", "STATE", "WINDOWS", ...figures];
  return {
    header: drawRow(
      titles.map((text): Cell => ({ text, paint: () => style.bold })),
      columns,
      widths,
      screen,
    ),
    rows(account, { now, isWhole }) {
      const { running, requests_24h, tokens_24h, cost_usd_24h } = account;
      const cells: Record<string, Cell> = {
        RUN: { text: running === 0 ? "" : String(running), paint: () => style.cyan },
        REQS: { text: count(requests_24h) },
        "24H REQS": { text: count(requests_24h) },
        TOKENS: { text: count(tokens_24h) },
        COST: { text: requests_24h === 0 ? "" : usd(cost_usd_24h ?? undefined) },
      };
      const row: Cell[] = [
        { text: shown(account.id) },
        stateCell(account, unicode, now),
        { text: "" },
        ...figures.map((name) => cells[name] ?? { text: "" }),
      ];
      // Bars have colours of their own, so the cell is put together outside of the row.
      const place = { width: windowsWidth, style, unicode, now, fullAt };
      const { drawn: windows, others } = windowsText(account.windows, { ...place, windowWidth });
      const head = drawRow(row.slice(0, 2), columns, widths, screen);
      const headWidth = displayWidth(withoutStyle(head));
      const tail = drawRow(row.slice(3), columns.slice(3), figureWidths, screen);
      const space = " ".repeat(idWidth + stateWidth + 2 * gap - headWidth);
      const line = `${head}${space}${windows}${" ".repeat(gap)}${tail}`;
      const reason = reasonLines(account, { width: width - 2, unicode, isWhole }).map(style.dim);
      const rest = isWhole ? drawOthers(others, { ...place, width: width - 2 }) : [];
      if (isWhole && figures.length < figureCount && requests_24h > 0) {
        const use = useText({ requests: requests_24h, tokens: tokens_24h, costUsd: cost_usd_24h });
        rest.push(style.dim(`${use} in the last 24 h`));
      }
      return [line.trimEnd(), ...[...reason, ...rest].map((text) => `  ${text}`)];
    },
  };
}

const stateWidth = 13;
/** RUN, REQS, TOKENS and COST. */
const figureCount = 4;

function stateCell({ state, until }: LiveAccount, unicode: boolean, now: number): Cell {
  const left = until === null ? "" : duration(Date.parse(until) - now);
  switch (state) {
    case "ready":
      return { text: `${unicode ? "✓" : "+"} ready`, paint: (style) => style.green };
    case "cooldown":
      return { text: `! ${left === "" ? "cooldown" : `in ${left}`}`, paint: (style) => style.yellow };
    case "needs-login":
      return { text: `${unicode ? "✗" : "x"} needs login`, paint: (style) => style.red };
    case "disabled":
      return { text: `${unicode ? "○" : "o"} disabled`, paint: (style) => style.dim };
  }
}

function reasonLines(
  { state, reason }: LiveAccount,
  { width, unicode, isWhole }: { width: number; unicode: boolean; isWhole: boolean },
): string[] {
  if (reason === null) return [];
  const why = shown(reason);
  const text = state === "cooldown" ? `in cooldown: ${why}` : why;
  return isWhole ? wrap(text, width, unicode) : [truncate(text, width, unicode)];
}

interface WindowsPlace {
  width: number;
  style: Style;
  unicode: boolean;
  now: number;
  fullAt: number;
}

/** Columns of one window where so many share the room. */
function shareWindows(room: number, count: number): number {
  const shown = Math.min(count, Math.max(1, Math.floor((room + gap) / (usualWidth + gap))));
  const share = Math.floor((room - gap * (shown - 1)) / shown);
  return Math.min(maxWidth, Math.max(minWidth, share));
}

/** As many windows as fit, the fullest ones, padded to the width; and those that are left. */
function windowsText(
  windows: readonly WindowDocument[],
  { windowWidth, ...place }: WindowsPlace & { windowWidth: number },
): { drawn: string; others: readonly WindowDocument[] } {
  const { width, now } = place;
  const open = windows.filter(({ resets_at }) => resets_at === null || Date.parse(resets_at) > now);
  const room = Math.floor((width + gap) / (windowWidth + gap));
  if (room < 1) return { drawn: " ".repeat(width), others: open };
  const fullest = open.toSorted((a, b) => (b.utilization ?? 0) - (a.utilization ?? 0)).slice(0, room);
  const kept = open.filter((window) => fullest.includes(window));
  const texts = kept.map((window) => windowText(window, { ...place, width: windowWidth }));
  const used = kept.length * (windowWidth + gap) - (kept.length > 0 ? gap : 0);
  return {
    drawn: texts.join(" ".repeat(gap)) + " ".repeat(Math.max(0, width - used)),
    others: open.filter((window) => !kept.includes(window)),
  };
}

/** As many of them on a line as fit. */
function drawOthers(windows: readonly WindowDocument[], place: WindowsPlace): string[] {
  const perLine = Math.max(1, Math.floor((place.width + gap) / (usualWidth + gap)));
  const texts = windows.map((window) => windowText(window, { ...place, width: usualWidth }));
  return Array.from({ length: Math.ceil(texts.length / perLine) }, (_, line) =>
    texts
      .slice(line * perLine, (line + 1) * perLine)
      .join(" ".repeat(gap))
      .trimEnd(),
  );
}

const usualWidth = 26;
/** Where not even a usual one fits its bar is shorter. */
const minWidth = 22;
/** Above it a longer bar says no more. */
const maxWidth = 42;
/** Name, share and time to the reset, and the gaps between them. */
const besideBar = 18;
/** Of a provider's limits per minute: their names do not fit. */
const shortNames: Readonly<Record<string, string>> = {
  requests: "reqs",
  tokens: "toks",
  "input-tokens": "in",
  "output-tokens": "out",
};

/** `5h  ██████▌░  83%  in 1h 12m` in columns that are the same for every window. */
function windowText(window: WindowDocument, { width, style, unicode, now, fullAt }: WindowsPlace): string {
  const barWidth = width - besideBar;
  const { utilization, resets_at, status } = window;
  const name = truncate(shown(shortNames[window.name] ?? window.name), 4, unicode).padEnd(4);
  const used = utilization ?? 0;
  const paint = colourOf({ utilization: used, status: status ?? undefined }, fullAt, style);
  const drawn =
    utilization === null ? " ".repeat(barWidth) : bar(used, { width: barWidth, unicode, track: true });
  const share = utilization === null ? "" : percent(used);
  // Whole minutes: a screen that counts seconds is drawn every second.
  const left = resets_at === null ? "" : duration(Math.ceil((Date.parse(resets_at) - now) / 60_000) * 60_000);
  return `${name} ${paint(drawn)} ${share.padStart(4)} ${left.slice(0, 7).padEnd(7)}`;
}
