// Usage as a table: a bar per row on a terminal, every figure in full in a pipe.

import { plainUsd, rowName } from "../../documents/usage.ts";
import type { UsageSummaryRow } from "../../store/usage-store.ts";
import { bar } from "../../terminal/bars.ts";
import type { Screen } from "../../terminal/output.ts";
import { periodText } from "../../terminal/period.ts";
import { type Cell, type Column, renderTable } from "../../terminal/table.ts";
import { displayWidth, singleLine } from "../../terminal/width.ts";
import { count, usd } from "../../text/format.ts";
import { totalOf } from "../../usage/observer.ts";
import { listValueMark, partialMark } from "./footnotes.ts";
import type { UsageReport } from "./report.ts";

export function renderUsage(
  report: UsageReport,
  screen: Pick<Screen, "isTerminal" | "width" | "style" | "unicode">,
): string {
  const { by, summary } = report;
  const isNarrow = screen.isTerminal && screen.width < 70;
  const kinds = figures.filter(({ isExtra }) => !isNarrow || !isExtra);
  const columns: Column[] = [
    { title: by.toUpperCase(), shrink: 1 },
    ...kinds.map(
      ({ title, shortTitle = title }): Column => ({
        title: screen.width < 100 ? shortTitle : title,
        align: "right",
      }),
    ),
  ];
  const cells = (row: UsageSummaryRow, of: UsageReport) => [
    keyCell(row, of),
    ...kinds.map(({ cell }) => cell(row, screen)),
  ];
  const rows = summary.rows.map((row) => cells(row, report));
  const total = cells({ ...summary.total, key: "total" }, { ...report, subscriptions: [] });
  if (!screen.isTerminal) return renderTable({ columns, rows, total }, screen);

  const title = screen.style.dim(`${periodText(report)}, by ${by}`);
  // Names and figures before bars.
  if (isNarrow) return `${title}\n\n${renderTable({ columns, rows, total }, screen)}`;
  const barWidth = roomForBar(columns, [...rows, total], screen.width);
  const maxTokens = Math.max(...summary.rows.map(({ tokens }) => totalOf(tokens)));
  const withBars = summary.rows.map((row, index): Cell[] => {
    const drawn = bar(totalOf(row.tokens) / maxTokens, {
      width: barWidth,
      unicode: screen.unicode,
    }).trimEnd();
    return [...rows[index]!, { text: drawn, paint: (style) => style.cyan }];
  });
  const table = renderTable(
    { columns: [...columns, { title: "TOKENS" }], rows: withBars, total: [...total, ""] },
    screen,
  );
  return `${title}\n\n${table}`;
}

interface FigureKind {
  title: string;
  /** Below 100 columns; undefined: the title. */
  shortTitle?: string;
  /** A terminal of less than 70 columns has no room for it. */
  isExtra?: boolean;
  cell(row: UsageSummaryRow, signs: Signs): Cell;
}

type Signs = Pick<Screen, "unicode">;

const figures: readonly FigureKind[] = [
  { title: "REQUESTS", shortTitle: "REQS", cell: ({ requests }) => figure(requests) },
  {
    title: "ERRORS",
    shortTitle: "ERRS",
    cell: ({ errors }) => ({ ...figure(errors), ...(errors > 0 && { paint: (style) => style.red }) }),
  },
  { title: "INPUT", cell: ({ tokens }) => figure(tokens.input) },
  { title: "OUTPUT", cell: ({ tokens }) => figure(tokens.output) },
  {
    title: "CACHE\nWRITE",
    isExtra: true,
    cell: ({ tokens }) => figure(tokens.cacheWrite5m + tokens.cacheWrite1h),
  },
  { title: "CACHE\nREAD", isExtra: true, cell: ({ tokens }) => figure(tokens.cacheRead) },
  { title: "COST", cell: costCell },
];

function figure(value: number): Cell {
  return { text: count(value), value: String(value) };
}

function keyCell(row: UsageSummaryRow, { by, subscriptions }: UsageReport): Cell {
  const isListValue = by === "account" && subscriptions.includes(row.key);
  return { text: `${rowName(row)}${isListValue ? ` ${listValueMark}` : ""}`, value: rowName(row) };
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
