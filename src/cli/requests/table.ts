// Requests as rows whose columns keep their widths, so that a row that comes later fits below the others.

import type { RequestDocument } from "../../documents/types.ts";
import type { Screen } from "../../terminal/output.ts";
import { type Cell, drawRow, gap } from "../../terminal/table.ts";
import { displayWidth, wrap } from "../../terminal/width.ts";
import { count, elapsed, usd } from "../../text/format.ts";
import { clockSeconds } from "../../time/local-time.ts";
import {
  allTokens,
  modelText,
  modelTextWithin,
  pathText,
  rateText,
  resultPaint,
  resultText,
  shortId,
  shown,
  tokenRate,
} from "./columns.ts";

export type RequestColumn =
  | "time"
  | "id"
  | "client"
  | "model"
  | "accounts"
  | "result"
  | "first"
  | "total"
  | "tokens"
  | "rate"
  | "cost";

/** Those that a person has to have, in one way or another. */
const allColumns = ["client", "model", "accounts", "first", "total", "tokens", "rate", "cost"] as const;

export interface RequestTable {
  header: string;
  row(request: RequestDocument, now: number): string;
  /** In words what the row has no column for, or has shortened: lines that are to be indented by two. */
  rest(request: RequestDocument, now: number): string[];
}

export interface RequestTableOptions {
  columns: readonly RequestColumn[];
  screen: Pick<Screen, "width" | "style" | "unicode">;
  /** Rows of other days than today: their time has the day, too. */
  withDays?: boolean;
  /** Rows that will be drawn: where one's names would be shortened, they get the room that others do not need. */
  known?: readonly RequestDocument[];
}

interface ColumnKind {
  title: string;
  align?: "right";
  /** Columns; absent: a share of what the others leave. */
  width?: number;
  /** Of what the others leave, and never more than `max` columns. */
  share?: number;
  max?: number;
}

const kinds: Readonly<Record<RequestColumn, ColumnKind>> = {
  time: { title: "TIME", width: 8 },
  id: { title: "ID", width: 8 },
  client: { title: "CLIENT", share: 2, max: 16 },
  model: { title: "MODEL", share: 4, max: 30 },
  accounts: { title: "ACCOUNTS", share: 6, max: 60 },
  result: { title: "RESULT", width: 10 },
  first: { title: "FIRST", width: 6, align: "right" },
  total: { title: "TOTAL", width: 6, align: "right" },
  tokens: { title: "TOKENS", width: 6, align: "right" },
  rate: { title: "TOK/S", width: 5, align: "right" },
  cost: { title: "COST", width: 8, align: "right" },
};

export function createRequestTable({
  columns,
  screen,
  withDays,
  known = [],
}: RequestTableOptions): RequestTable {
  const { style } = screen;
  const shapes = columns.map((name) => kinds[name]);
  const shared = shareWidth(columns, screen.width, withDays ? "11-22 14:03:12".length : 8);
  const widths = makeRoom(columns, shared, known);
  const header = shapes.map(({ title }): Cell => ({ text: title, paint: () => style.bold }));
  return {
    header: drawRow(header, shapes, widths, screen),
    row(request, now) {
      const cells = columns.map((name, index) =>
        cellOf(name, request, { now, width: widths[index] ?? 0, unicode: screen.unicode }),
      );
      return drawRow(cells, shapes, widths, screen);
    },
    rest(request, now) {
      const isWhole = (name: RequestColumn) => {
        const index = columns.indexOf(name);
        if (index < 0 || kinds[name].share === undefined) return index >= 0;
        const text = name === "model" ? modelText(request) : nameOf(name, request);
        return displayWidth(text) <= (widths[index] ?? 0);
      };
      const words = allColumns.flatMap((name) => (isWhole(name) ? [] : wordsOf(name, request, now)));
      return words.length === 0 ? [] : wrap(words.join(", "), screen.width - 2, screen.unicode);
    },
  };
}

function shareWidth(columns: readonly RequestColumn[], width: number, timeWidth: number): number[] {
  const widthOf = (name: RequestColumn) => (name === "time" ? timeWidth : kinds[name].width);
  const fixed = columns.reduce((sum, name) => sum + (widthOf(name) ?? 0), 0);
  let left = Math.max(0, width - fixed - (columns.length - 1) * gap);
  let shares = columns.reduce((sum, name) => sum + (kinds[name].share ?? 0), 0);
  return columns.map((name) => {
    const { share = 0, max = 0 } = kinds[name];
    if (share === 0) return widthOf(name) ?? 0;
    const own = Math.min(max, Math.round((left * share) / shares));
    left -= own;
    shares -= share;
    return own;
  });
}

/** Moves width between the columns of names, from those that have more than they need to those that have less. */
function makeRoom(
  columns: readonly RequestColumn[],
  widths: readonly number[],
  known: readonly RequestDocument[],
): number[] {
  const needs = columns.map((name, index) => {
    const width = widths[index] ?? 0;
    if (kinds[name].share === undefined) return width;
    return Math.max(kinds[name].title.length, ...known.map((request) => neededWidth(name, request)));
  });
  const wants = columns.map((name, index) => Math.max(needs[index] ?? 0, wantedWidth(name, known)));
  if (wants.every((want, index) => want <= (widths[index] ?? 0))) return [...widths];
  const made = needs.map((need, index) => Math.min(need, widths[index] ?? 0));
  const sum = (all: readonly number[]) => all.reduce((total, each) => total + each, 0);
  let spare = sum(widths) - sum(made);
  const widen = (index: number, to: number) => {
    const more = Math.max(0, Math.min(spare, to - (made[index] ?? 0)));
    made[index] = (made[index] ?? 0) + more;
    spare -= more;
  };
  for (const [index, need] of needs.entries()) widen(index, need);
  // Whole paths come before the models that were sent.
  for (const [index, want] of [...wants.entries()].reverse()) widen(index, want);
  // For rows that come later.
  const last = columns.findLastIndex((name) => kinds[name].share !== undefined);
  return made.with(last, (made[last] ?? 0) + spare);
}

/** What has to be in a column of names: the model that was sent is shown where there is room. */
function nameOf(name: RequestColumn, request: RequestDocument): string {
  if (name === "client") return shown(request.client);
  if (name === "model") return modelText({ ...request, sent_model: null });
  return pathText(request.path, { unicode: true });
}

/** What a column of names must not be narrower than; a path is readable without its first accounts, a client or a model is not. */
function neededWidth(name: RequestColumn, request: RequestDocument): number {
  return displayWidth(
    name === "accounts" ? pathText(request.path, { width: 0, unicode: true }) : nameOf(name, request),
  );
}

/** Of all that is known about the names. */
function wantedWidth(name: RequestColumn, known: readonly RequestDocument[]): number {
  if (kinds[name].share === undefined) return 0;
  const textOf = (request: RequestDocument) =>
    name === "model" ? modelText(request) : nameOf(name, request);
  return Math.max(0, ...known.map((request) => displayWidth(textOf(request))));
}

function wordsOf(name: (typeof allColumns)[number], request: RequestDocument, now: number): string[] {
  const { first_byte_ms, total_ms, tokens, cost_usd, outcome, time } = request;
  switch (name) {
    case "client":
      return [`client ${shown(request.client)}`];
    case "model":
      return [modelText(request)];
    case "accounts":
      return request.path.length === 0 ? [] : [nameOf(name, request)];
    case "first":
      return first_byte_ms === null ? [] : [`first byte after ${elapsed(first_byte_ms)}`];
    case "total":
      return total_ms === null
        ? [`running for ${elapsed(Math.max(0, now - Date.parse(time)))}`]
        : [`ended after ${elapsed(total_ms)}`];
    case "tokens":
      if (tokens !== null) return [`${count(allTokens(tokens))} tokens`];
      return outcome === null ? [] : ["tokens unknown"];
    case "rate": {
      const rate = tokenRate(request);
      return rate === undefined ? [] : [rateText(rate)];
    }
    case "cost":
      if (outcome === null) return [];
      return [cost_usd === null ? "cost unknown" : usd(cost_usd)];
  }
}

interface CellPlace {
  now: number;
  width: number;
  unicode: boolean;
}

function cellOf(name: RequestColumn, request: RequestDocument, { now, width, unicode }: CellPlace): Cell {
  const { first_byte_ms, total_ms, tokens, cost_usd, outcome } = request;
  const at = Date.parse(request.time);
  switch (name) {
    case "time":
      return { text: clockSeconds(at, now), paint: (style) => style.dim };
    case "id":
      return { text: shortId(request.id), paint: (style) => style.dim };
    case "client":
      return { text: shown(request.client) };
    case "model":
      return { text: modelTextWithin(request, { width, unicode }) };
    case "accounts":
      return { text: request.path.length === 0 ? "(none)" : pathText(request.path, { width, unicode }) };
    case "result":
      return { text: resultText(request), paint: resultPaint(request) };
    case "first":
      return { text: first_byte_ms === null ? "" : elapsed(first_byte_ms) };
    case "total":
      return { text: elapsed(total_ms ?? Math.max(0, now - at)) };
    case "tokens":
      return { text: tokens === null ? "" : count(allTokens(tokens)) };
    case "rate": {
      const rate = tokenRate(request);
      return { text: rate === undefined ? "" : count(Math.round(rate)) };
    }
    case "cost":
      return { text: outcome === null ? "" : usd(cost_usd ?? undefined) };
  }
}
