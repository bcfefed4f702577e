// Prints a table: aligned columns with a header on a terminal, tab-separated values without one in a pipe.

import type { Screen } from "./output.ts";
import type { Style } from "./style.ts";
import { displayWidth, singleLine, truncate } from "./width.ts";

export interface Column {
  /** Of several lines, the last one is directly above the rows. */
  title: string;
  align?: "left" | "right";
  /** How the column gives way on a narrow terminal: the lowest number first; absent: only when all others have. */
  shrink?: number;
}

export interface Cell {
  /** For a person. */
  text: string;
  /** For a program; the same as `text` when absent. */
  value?: string;
  paint?: (style: Style) => (text: string) => string;
}

export interface Table {
  columns: readonly Column[];
  rows: readonly (readonly (Cell | string)[])[];
  /** Set apart below the rows on a terminal; an ordinary last row in a pipe. */
  total?: readonly (Cell | string)[];
}

/** The whole text with its final newline; "" when a pipe gets no rows. */
export function renderTable(
  table: Table,
  screen: Pick<Screen, "isTerminal" | "width" | "style" | "unicode">,
): string {
  const rows = [...table.rows, ...(table.total ? [table.total] : [])].map((row) => row.map(asCell));
  if (!screen.isTerminal) return rows.map(tabSeparated).join("");
  const widths = fit(table.columns, rows, screen.width);
  const draw = (row: readonly Cell[]) => drawRow(row, table.columns, widths, screen);
  const lines = [...headersOf(table.columns), ...rows].map(draw);
  if (table.total)
    lines.splice(
      -1,
      0,
      screen.style.dim(widths.map((width) => (screen.unicode ? "─" : "-").repeat(width)).join("  ")),
    );
  return lines.map((line) => `${line}\n`).join("");
}

/** Columns between two columns. */
export const gap = 2;
/** No column is made narrower than this: an id of three letters and a mark is useless. */
const narrowest = 6;

function headersOf(columns: readonly Column[]): Cell[][] {
  const height = Math.max(...columns.map(({ title }) => linesOf(title).length));
  return Array.from({ length: height }, (_, line) =>
    columns.map(({ title }): Cell => {
      const lines = linesOf(title);
      return { text: lines[line - height + lines.length] ?? "", paint: (style) => style.bold };
    }),
  );
}

function linesOf(title: string): string[] {
  return title.split("\n");
}

function titleWidth({ title }: Column): number {
  return Math.max(...linesOf(title).map(displayWidth));
}

function asCell(cell: Cell | string): Cell {
  return typeof cell === "string" ? { text: singleLine(cell) } : { ...cell, text: singleLine(cell.text) };
}

function tabSeparated(row: readonly Cell[]): string {
  return `${row.map((cell) => singleLine(cell.value ?? cell.text)).join("\t")}\n`;
}

/** The widths of the columns: as wide as their content, less what the terminal has not. */
function fit(columns: readonly Column[], rows: readonly (readonly Cell[])[], available: number): number[] {
  const widths = columns.map((column, index) =>
    Math.max(titleWidth(column), ...rows.map((row) => displayWidth(row[index]?.text ?? ""))),
  );
  const order = columns
    .map((column, index) => ({ index, shrink: column.shrink ?? Number.POSITIVE_INFINITY }))
    .sort((a, b) => a.shrink - b.shrink || (widths[b.index] ?? 0) - (widths[a.index] ?? 0));
  let excess = widths.reduce((sum, width) => sum + width + gap, -gap) - available;
  for (const { index } of order) {
    if (excess <= 0) break;
    const width = widths[index] ?? 0;
    const least = Math.min(width, Math.max(narrowest, titleWidth(columns[index]!)));
    const taken = Math.min(excess, width - least);
    widths[index] = width - taken;
    excess -= taken;
  }
  return widths;
}

/** One row in columns of the given widths. What the cells hold is on one line already. */
export function drawRow(
  row: readonly Cell[],
  columns: readonly Pick<Column, "align">[],
  widths: readonly number[],
  { style, unicode }: Pick<Screen, "style" | "unicode">,
): string {
  const cells = columns.map((column, index) => {
    const cell = row[index] ?? { text: "" };
    const width = widths[index] ?? 0;
    const text = truncate(cell.text, width, unicode);
    const painted = cell.paint ? cell.paint(style)(text) : text;
    const space = " ".repeat(Math.max(0, width - displayWidth(text)));
    const isLast = index === columns.length - 1;
    return column.align === "right" ? space + painted : painted + (isLast ? "" : space);
  });
  return cells.join(" ".repeat(gap)).trimEnd();
}
