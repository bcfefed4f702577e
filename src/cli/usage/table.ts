// Usage as a table: a bar per row on a terminal, every figure in full in a pipe.

import { keyText, plainUsd } from "../../documents/usage.ts";
import type { UsageKey, UsageSummaryRow } from "../../store/store.ts";
import { bar } from "../../terminal/bars.ts";
import type { Screen } from "../../terminal/output.ts";
import { periodText } from "../../terminal/period.ts";
import { type Cell, type Column, renderTable } from "../../terminal/table.ts";
import { displayWidth, singleLine } from "../../terminal/width.ts";
import { count, usd } from "../../text/format.ts";
import { listValueMark, partialMark } from "./footnotes.ts";
import type { UsageReport } from "./report.ts";

export function renderUsage(
  report: UsageReport,
  screen: Pick<Screen, "isTerminal" | "width" | "style" | "unicode">,
): string {
  const { by, summary } = report;
  const isNarrow = screen.isTerminal && screen.width < 70;
  const isShown = (_: unknown, index: number) => !isNarrow || !cacheColumns.includes(index);
  const columns = columnsFor(by, screen.width).filter(isShown);
  const cells = (row: UsageSummaryRow, of: UsageReport) => cellsOf(row, of, screen).filter(isShown);
  const rows = summary.rows.map((row) => cells(row, report));
  const total = cells({ ...summary.total, key: "total" }, { ...report, subscriptions: [] });
  if (!screen.isTerminal) return renderTable({ columns, rows, total }, screen);

  const title = screen.style.dim(`${periodText(report)}, by ${by}`);
  // Names and figures before bars.
  if (isNarrow) return `${title}\n\n${renderTable({ columns, rows, total }, screen)}`;
  const barWidth = roomForBar(columns, [...rows, total], screen.width);
  const most = Math.max(...summary.rows.map(allTokens));
  const withBars = summary.rows.map((row, index): Cell[] => {
    const drawn = bar(allTokens(row) / most, { width: barWidth, unicode: screen.unicode }).trimEnd();
    return [...rows[index]!, { text: drawn, paint: (style) => style.cyan }];
  });
  const table = renderTable(
    { columns: [...columns, { title: "TOKENS" }], rows: withBars, total: [...total, ""] },
    screen,
  );
  return `${title}\n\n${table}`;
}

/** Of `columnsFor`: a terminal of less than 70 columns has no room for them. */
const cacheColumns = [5, 6];

/** A terminal of 100 columns has room for whole words. */
function columnsFor(by: UsageKey, width: number): Column[] {
  const isWide = width >= 100;
  const figure = (title: string): Column => ({ title, align: "right" });
  return [
    { title: by.toUpperCase(), shrink: 1 },
    figure(isWide ? "REQUESTS" : "REQS"),
    figure(isWide ? "ERRORS" : "ERRS"),
    figure("INPUT"),
    figure("OUTPUT"),
    figure("CACHE\nWRITE"),
    figure("CACHE\nREAD"),
    figure("COST"),
  ];
}

type Signs = Pick<Screen, "unicode">;

function cellsOf(row: UsageSummaryRow, { by, subscriptions }: UsageReport, screen: Signs): Cell[] {
  const { key, requests, errors, tokens } = row;
  const isListValue = by === "account" && subscriptions.includes(key);
  const figure = (value: number): Cell => ({ text: count(value), value: String(value) });
  return [
    { text: `${keyText(key)}${isListValue ? ` ${listValueMark}` : ""}`, value: keyText(key) },
    figure(requests),
    { ...figure(errors), ...(errors > 0 ? { paint: (style) => style.red } : {}) },
    figure(tokens.input),
    figure(tokens.output),
    figure(tokens.cacheWrite5m + tokens.cacheWrite1h),
    figure(tokens.cacheRead),
    costCell(row, screen),
  ];
}

/** With requests whose price nobody knows, the sum of the others is the least it can be. */
function costCell({ costUsd, unpriced }: UsageSummaryRow, signs: Signs): Cell {
  const isPartial = costUsd !== undefined && unpriced > 0;
  return {
    text: `${isPartial ? partialMark(signs) : ""}${usd(costUsd)}`,
    value: plainUsd(costUsd),
    ...(costUsd === undefined ? { paint: (style) => style.yellow } : {}),
  };
}

function allTokens({ tokens }: UsageSummaryRow): number {
  return tokens.input + tokens.output + tokens.cacheWrite5m + tokens.cacheWrite1h + tokens.cacheRead;
}

const gap = 2;
const narrowestBar = 6;
const widestBar = 40;

/** What the other columns leave of the line; the names give way to the narrowest bar. */
function roomForBar(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number): number {
  const used = columns.map(({ title }, index) =>
    Math.max(
      ...title.split("\n").map(displayWidth),
      ...rows.map((row) => displayWidth(singleLine(row[index]!.text))),
    ),
  );
  const left = width - used.reduce((sum, each) => sum + each + gap, 0);
  return Math.min(widestBar, Math.max(narrowestBar, left));
}
