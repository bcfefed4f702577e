// The pictures of `top`: from its state to as many lines as the terminal has. Pure.

import type { RequestDocument } from "../../documents/types.ts";
import type { Screen } from "../../terminal/output.ts";
import { withoutStyle } from "../../terminal/style.ts";
import { displayWidth, truncate } from "../../terminal/width.ts";
import { count, duration, plural, usd, useText } from "../../text/format.ts";
import { drawWindows, readWindow } from "../accounts/windows.ts";
import { shown } from "../requests/columns.ts";
import { requestDetailLines } from "../requests/detail.ts";
import { createRequestTable, type RequestColumn, type RequestTable } from "../requests/table.ts";
import { createAccountTable } from "./account-rows.ts";
import { accountsOf, requestsOf, requestsOfAccount, selectedItem, type TopState } from "./state.ts";

export interface PictureSize {
  columns: number;
  rows: number;
}

export interface PictureStyle extends Pick<Screen, "style" | "unicode"> {
  /** `session.switch_at_utilization`: a window that is so full is red. */
  fullAt: number;
}

/** Every line fits the columns; at most as many lines as there are rows. */
export function drawTop(
  state: TopState,
  size: PictureSize,
  { style, unicode, fullAt, now }: PictureStyle & { now: number },
): string[] {
  const screen = { width: size.columns, style, unicode };
  const context: DrawContext = { screen, rows: Math.max(4, size.rows) - 4, now, fullAt };
  const body = bodyOf(state, context).slice(0, context.rows);
  const filler = Array.from({ length: context.rows - body.length }, () => "");
  return [...headLines(state, context), "", ...body, ...filler, footLine(state, context)].slice(0, size.rows);
}

/** What is shown once where nobody can press keys: everything, without a selection. */
export function drawListing(
  state: TopState,
  context: Pick<DrawContext, "screen" | "now" | "fullAt">,
): string {
  const unlimited = { ...context, rows: Number.POSITIVE_INFINITY };
  const lines = [...headLines(state, unlimited), "", ...overview(state, { ...unlimited, isStill: true })];
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

interface DrawContext {
  screen: Pick<Screen, "width" | "style" | "unicode">;
  /** For the body. */
  rows: number;
  now: number;
  /** See PictureStyle. */
  fullAt: number;
  /** Nothing is selected. */
  isStill?: boolean;
}

function bodyOf(state: TopState, context: DrawContext): string[] {
  if (state.view === "help") return help(context);
  if (state.status === undefined) return [`  ${state.lost ?? "waiting for the relay"}`];
  switch (state.view) {
    case "overview":
      return overview(state, context);
    case "account":
      return accountView(state, context);
    case "request":
      return requestView(state, context);
  }
}

function headLines({ status, origin, lost }: TopState, { screen, now }: DrawContext): [string, string] {
  const { style, width, unicode } = screen;
  const name = `cc-relay${status === undefined ? "" : ` ${shown(status.version)}`}`;
  const up = status === undefined ? "" : `  up ${duration(now - Date.parse(status.started_at))}`;
  const running = status?.running_count ? `  ${status.running_count} running` : "";
  const state = lost === undefined ? running : "  connection lost, trying again";
  const left = truncate(`${name}  ${origin}${up}`, Math.max(0, width - displayWidth(state)), unicode);
  const first = `${style.bold(left.slice(0, name.length))}${left.slice(name.length)}${lost === undefined ? style.cyan(state) : style.red(state)}`;
  if (status === undefined) return [first, ""];
  const {
    requests,
    errors,
    input_tokens,
    output_tokens,
    cache_creation_tokens,
    cache_read_tokens,
    cost_usd,
  } = status.today;
  const tokens = input_tokens + output_tokens + cache_creation_tokens + cache_read_tokens;
  const parts = [
    `today  ${plural(requests, "request")}`,
    plural(errors, "error"),
    `${count(tokens)} tokens`,
    cost_usd === null ? (requests === 0 ? "$0.00" : "cost unknown") : usd(cost_usd),
  ];
  return [first, style.dim(truncate(parts.join(", "), width, unicode))];
}

function overview(state: TopState, context: DrawContext): string[] {
  const { screen, rows, now, fullAt, isStill = false } = context;
  const inner = { ...screen, width: screen.width - 2 };
  const selected = isStill ? undefined : selectedItem(state)?.key;
  const accounts = accountsOf(state);
  const table = createAccountTable(accounts, { ...inner, fullAt });
  const blocks = accounts.map((account) => {
    const isSelected = selected === `account ${account.id}`;
    return mark(table.rows(account, { now, isWhole: isStill || isSelected }), { isSelected, screen });
  });
  const requests = requestsOf(state);
  // The requests keep a third of the room; the accounts that do not fit can be reached with the arrows.
  const accountRows = Math.max(3, rows - Math.min(requests.length, Math.ceil(rows / 3)) - 3);
  const at = accounts.findIndex(({ id }) => selected === `account ${id}`);
  const visible = scroll(blocks, Math.max(0, at), accountRows);
  const hidden = blocks.length - visible.length;
  const more =
    hidden === 0 ? "" : `  ${screen.style.dim(`${plural(hidden, "more account")}: arrows, or / to filter`)}`;
  const none =
    accounts.length === 0
      ? [
          state.filter === ""
            ? "  no accounts: requests go on with the client's own credential"
            : "  no account fits the filter",
        ]
      : [];
  const top = [`  ${table.header}`, ...visible.flat(), ...none, more];
  const noRequests = noneOf(state);
  const list = requestList(requests, { ...context, noRequests, rows: rows - top.length }, selected);
  return [...top, ...list].map((line) => fit(line, screen));
}

function noneOf({ filter }: TopState): string {
  return filter === "" ? "no requests" : "no request fits the filter";
}

/** Header and rows, those around the selected one where not all fit. */
function requestList(
  requests: readonly RequestDocument[],
  { screen, rows, now, noRequests, isStill = false }: DrawContext & { noRequests: string },
  selected: string | undefined,
): string[] {
  const table: RequestTable = createRequestTable({
    columns: requestColumns(screen.width),
    screen: { ...screen, width: screen.width - 2 },
    // All of them, so that the columns stay where they are while the list is gone through.
    known: requests,
  });
  if (requests.length === 0) return [`  ${table.header}`, `  ${noRequests}`];
  const at = requests.findIndex(({ id }) => selected === `request ${id}`);
  const rest = (request: RequestDocument) =>
    table.rest(request, now).map((line) => `  ${screen.style.dim(line)}`);
  const restOfSelected = at < 0 ? [] : rest(requests[at]!);
  const room = Math.max(0, rows - 1 - restOfSelected.length);
  const first = Math.max(0, Math.min(at - Math.floor(room / 2), requests.length - room));
  const visible = requests.slice(first, first + room);
  return [
    `  ${table.header}`,
    ...visible.flatMap((request) => {
      const isSelected = selected === `request ${request.id}`;
      const below = isSelected ? restOfSelected : isStill ? rest(request) : [];
      return mark([table.row(request, now), ...below], { isSelected, screen });
    }),
  ];
}

function requestColumns(width: number): readonly RequestColumn[] {
  if (width < 72) return ["time", "model", "accounts", "result"];
  if (width < 100) return ["time", "model", "accounts", "result", "total", "tokens"];
  const wide = ["time", "client", "model", "accounts", "result", "first", "total", "tokens", "rate"] as const;
  return width < 130 ? wide : [...wide, "cost"];
}

function accountView(state: TopState, context: DrawContext): string[] {
  const { screen, rows, now, fullAt } = context;
  const { style, unicode, width } = screen;
  const account = state.status?.accounts.find(({ id }) => id === state.account);
  if (account === undefined) return ["  this account is not in the configuration any more"];
  const { id, name, type, priority, requests_24h, tokens_24h, cost_usd_24h } = account;
  const title = name === id ? "" : `, ${shown(name)}`;
  const windows = drawWindows([account.windows.map(readWindow)], { screen, now, fullAt });
  const facts = [
    `  ${style.bold(shown(id))}${truncate(title, Math.max(0, width - 40), unicode)} ${style.dim(`(${type}, priority ${priority})`)}`,
    `  ${stateLine(account, now)}`,
    ...(account.reason === null ? [] : [`  ${style.dim(shown(account.reason))}`]),
    ...(windows[0] ?? []).map((line) => `  ${line}`),
    `  ${useText({ requests: requests_24h, tokens: tokens_24h, costUsd: cost_usd_24h })} in the last 24 h`,
    "",
  ];
  const list = requestList(
    requestsOfAccount(state),
    { ...context, noRequests: noneOf(state), rows: rows - facts.length },
    selectedItem(state)?.key,
  );
  return [...facts, ...list].map((line) => fit(line, screen));
}

function stateLine(
  { state, until }: NonNullable<TopState["status"]>["accounts"][number],
  now: number,
): string {
  const left = until === null ? "" : ` for ${duration(Date.parse(until) - now)}`;
  switch (state) {
    case "ready":
      return "ready";
    case "cooldown":
      return `in cooldown${left}`;
    case "needs-login":
      return `needs login${until === null ? "" : `, tried again in ${duration(Date.parse(until) - now)}`}`;
    case "disabled":
      return "disabled";
  }
}

function requestView(state: TopState, { screen, now }: DrawContext): string[] {
  const { request } = state;
  if (request === undefined) return [];
  // Its end is known before its attempts have been read.
  const live = requestsOf({ ...state, filter: "" }).find(({ id }) => id === request.id) ?? request;
  const attempts = "attempts" in request ? request.attempts : undefined;
  const lines = requestDetailLines({ ...live, attempts }, { ...screen, width: screen.width - 2 }, now);
  return lines.map((line) => fit(`  ${line}`, screen));
}

const helpLines = [
  ["up, down, k, j", "select an account or a request; also Page Up, Home …"],
  ["Enter", "the requests of an account, the attempts of a request"],
  ["Esc", "back; on the first screen: no filter"],
  ["e, d", "enable or disable the account; enabling ends its cooldown"],
  ["/", "show only what holds a text: id, model, client, account"],
  ["s", "sort the accounts: as configured, by state, by tokens, by name"],
  ["?", "this help"],
  ["q", "quit"],
];

function help({ screen }: DrawContext): string[] {
  return helpLines.map(([keys = "", text = ""]) =>
    fit(`  ${screen.style.bold(keys.padEnd(16))}${text}`, screen),
  );
}

function footLine(state: TopState, { screen }: DrawContext): string {
  const { style, width, unicode } = screen;
  if (state.isTyping) return fit(`/${shown(state.filter)}_   Enter keeps it, Esc clears it`, screen);
  if (state.message !== "") return truncate(state.message, width, unicode);
  const filter = state.filter === "" ? "" : `filter: ${shown(state.filter)}  `;
  if (state.view === "help") return style.dim("any key: back");
  // Those that lead on are the last to give way to a narrow terminal.
  const keys = keysOf(state);
  const lineOf = (some: readonly string[]) => filter + [...some, "? help", "q quit"].join("  ");
  while (keys.length > 0 && displayWidth(lineOf(keys)) > width) keys.pop();
  return style.dim(truncate(lineOf(keys), width, unicode));
}

function keysOf({ view, sort }: TopState): string[] {
  if (view === "request") return ["Esc back"];
  const change = ["e enable", "d disable", "/ filter"];
  return view === "account"
    ? ["Esc back", "Enter attempts", ...change]
    : ["Enter open", ...change, `s sort (${sort})`];
}

/** A sign before the first line of the selected thing, bold where there are colours. */
function mark(
  lines: readonly string[],
  {
    isSelected,
    screen: { style, unicode },
  }: { isSelected: boolean; screen: Pick<Screen, "style" | "unicode"> },
): string[] {
  if (!isSelected) return lines.map((line) => `  ${line}`);
  const [first = "", ...rest] = lines;
  return [`${style.cyan(unicode ? "▸" : ">")} ${style.bold(first)}`, ...rest.map((line) => `  ${line}`)];
}

/** The blocks around the one that is selected, in at most so many lines. */
function scroll(blocks: readonly string[][], selected: number, rows: number): string[][] {
  let first = 0;
  const height = (from: number, to: number) =>
    blocks.slice(from, to).reduce((sum, block) => sum + block.length, 0);
  while (first < selected && height(first, selected + 1) > rows) first += 1;
  let end = first;
  while (end < blocks.length && height(first, end + 1) <= rows) end += 1;
  return blocks.slice(first, end);
}

/** Lines are made to fit; what a narrow terminal still has too much of goes, colours with it. */
function fit(line: string, { width, unicode }: Pick<Screen, "width" | "unicode">): string {
  const plain = withoutStyle(line);
  return displayWidth(plain) <= width ? line : truncate(plain, width, unicode);
}
