// What `top` shows and has selected, and what each key does to that. Pure: nothing here touches the terminal or the relay.

import type { RequestDetailDocument, RequestDocument, StatusDocument } from "../../documents/types.ts";
import type { Key } from "../../terminal/keys.ts";
import { shown } from "../requests/columns.ts";

const sortOrders = ["order", "state", "tokens", "name"] as const;
export type SortOrder = (typeof sortOrders)[number];

export interface TopState {
  /** Undefined until the relay has answered. */
  status: StatusDocument | undefined;
  /** Why there is nothing new; undefined while the relay is followed. */
  lost: string | undefined;
  origin: string;
  view: "overview" | "account" | "request" | "help";
  /** Where escape leads from `request` and `help`. */
  back: "overview" | "account";
  /** The account whose requests are shown. */
  account: string | undefined;
  /** The request that is shown, and its attempts when they are known. */
  request: RequestDocument | RequestDetailDocument | undefined;
  /** Recorded requests of that account, newest first; undefined until they are read. */
  history: readonly RequestDocument[] | undefined;
  /** `account ID` or `request ID`; "" for the first. */
  selected: string;
  /** The selection of the overview, for the way back. */
  selectedBefore: string;
  sort: SortOrder;
  filter: string;
  /** The filter is being typed. */
  isTyping: boolean;
  /** What a command has answered. */
  message: string;
}

/** What the key asks the screen to do. */
export type Wish =
  | { kind: "quit" }
  | { kind: "enable" | "disable" | "read-account"; account: string }
  | { kind: "read-request"; id: string };

export interface Item {
  key: string;
  account?: StatusDocument["accounts"][number];
  request?: RequestDocument;
}

export function createState(origin: string): TopState {
  return {
    ...{ status: undefined, lost: undefined, origin, view: "overview", back: "overview" },
    ...{ account: undefined, request: undefined, history: undefined, selected: "", selectedBefore: "" },
    ...{ sort: "order", filter: "", isTyping: false, message: "" },
  };
}

/** With what the relay says now. A request that is looked at goes on; once it has ended the database has its attempts. */
export function takeStatus(before: TopState, status: StatusDocument): { state: TopState; wish?: Wish } {
  const { request } = before;
  const state = { ...before, status, lost: undefined };
  if (request === undefined || request.outcome !== null) return { state };
  const running = status.running.find(({ id }) => id === request.id);
  if (running !== undefined) return { state: { ...state, request: running } };
  const hasEnded = status.recent.some(({ id }) => id === request.id);
  return hasEnded ? { state, wish: { kind: "read-request", id: request.id } } : { state };
}

/** What can be selected on the screen, in its order. */
export function itemsOf(state: TopState): Item[] {
  if (state.view === "account") return requestsOfAccount(state).map(toRequestItem);
  const accounts = accountsOf(state).map((account): Item => ({ key: `account ${account.id}`, account }));
  return [...accounts, ...requestsOf(state).map(toRequestItem)];
}

function toRequestItem(request: RequestDocument): Item {
  return { key: `request ${request.id}`, request };
}

export function accountsOf({ status, sort, filter }: TopState): StatusDocument["accounts"] {
  const accounts = (status?.accounts ?? []).filter(({ id, name, type, family, state }) =>
    isFound(filter, [id, name, type, family, state]),
  );
  switch (sort) {
    case "order":
      return accounts;
    case "state":
      return accounts.toSorted((a, b) => stateOrder.indexOf(a.state) - stateOrder.indexOf(b.state));
    case "tokens":
      return accounts.toSorted((a, b) => b.tokens_24h - a.tokens_24h);
    case "name":
      return accounts.toSorted((a, b) => a.id.localeCompare(b.id));
  }
}

/** What needs a person first. */
const stateOrder = ["needs-login", "cooldown", "ready", "disabled"];

/** Those that run, then those that ended, newest first. */
export function requestsOf({ status, filter }: TopState): RequestDocument[] {
  if (status === undefined) return [];
  return [...status.running, ...status.recent].filter(({ id, client, model, sent_model, path, outcome }) =>
    isFound(filter, [id, client, model, sent_model ?? "", outcome ?? "running", ...path]),
  );
}

export function requestsOfAccount(state: TopState): RequestDocument[] {
  const { account = "", history = [], filter } = state;
  const live = requestsOf({ ...state, filter: "" }).filter(({ path }) => path.includes(account));
  const known = new Set(live.map(({ id }) => id));
  const all = [...live, ...history.filter(({ id }) => !known.has(id))];
  return all.filter(({ id, client, model, path }) => isFound(filter, [id, client, model, ...path]));
}

function isFound(filter: string, texts: readonly string[]): boolean {
  const wanted = filter.toLowerCase();
  return wanted === "" || texts.some((text) => text.toLowerCase().includes(wanted));
}

/** The selected item; the first one where the selected one is gone. */
export function selectedItem(state: TopState): Item | undefined {
  const items = itemsOf(state);
  return items.find(({ key }) => key === state.selected) ?? items[0];
}

export function press(state: TopState, key: Key): { state: TopState; wish?: Wish } {
  if (state.isTyping) return { state: typeFilter(state, key) };
  const calm = { ...state, message: "" };
  if (state.view === "help") return { state: { ...calm, view: state.back } };
  switch (key.name) {
    case "up":
      return { state: move(calm, -1) };
    case "down":
      return { state: move(calm, 1) };
    case "page-up":
      return { state: move(calm, -10) };
    case "page-down":
      return { state: move(calm, 10) };
    case "home":
      return { state: move(calm, Number.NEGATIVE_INFINITY) };
    case "end":
      return { state: move(calm, Number.POSITIVE_INFINITY) };
    case "enter":
    case "right":
      return open(calm);
    case "escape":
    case "left":
    case "backspace":
      return { state: goBack(calm) };
    case "text":
      return pressLetter(calm, key.text);
    default:
      return { state: calm };
  }
}

function typeFilter(state: TopState, key: Key): TopState {
  switch (key.name) {
    case "text":
      return { ...state, filter: (state.filter + key.text).slice(0, 60), selected: "" };
    case "backspace":
      return { ...state, filter: [...state.filter].slice(0, -1).join("") };
    case "escape":
      return { ...state, filter: "", isTyping: false };
    case "enter":
      return { ...state, isTyping: false };
    default:
      return state;
  }
}

function move(state: TopState, by: number): TopState {
  if (state.view === "request") return state;
  const items = itemsOf(state);
  const at = Math.max(
    0,
    items.findIndex(({ key }) => key === state.selected),
  );
  const next = items[Math.min(items.length - 1, Math.max(0, at + by))];
  return { ...state, selected: next?.key ?? "" };
}

function open(state: TopState): { state: TopState; wish?: Wish } {
  if (state.view === "request") return { state };
  const item = selectedItem(state);
  if (item?.account) {
    const { id } = item.account;
    const selectedBefore = item.key;
    return {
      state: { ...state, view: "account", account: id, history: undefined, selected: "", selectedBefore },
      wish: { kind: "read-account", account: id },
    };
  }
  if (!item?.request) return { state };
  const { request } = item;
  return {
    state: {
      ...state,
      view: "request",
      request,
      back: state.view === "account" ? "account" : "overview",
      selected: item.key,
    },
    ...(request.outcome !== null && { wish: { kind: "read-request", id: request.id } }),
  };
}

function goBack(state: TopState): TopState {
  switch (state.view) {
    case "request":
      return { ...state, view: state.back, request: undefined };
    case "account":
      return { ...state, view: "overview", account: undefined, selected: state.selectedBefore };
    default:
      return { ...state, filter: "" };
  }
}

function pressLetter(state: TopState, letter: string): { state: TopState; wish?: Wish } {
  switch (letter) {
    case "q":
      return { state, wish: { kind: "quit" } };
    case "k":
      return { state: move(state, -1) };
    case "j":
      return { state: move(state, 1) };
    case "?":
    case "h":
      return { state: { ...state, view: "help", back: state.view === "account" ? "account" : "overview" } };
    case "/":
      return { state: { ...state, isTyping: true, filter: "" } };
    case "s":
      return {
        state: { ...state, sort: sortOrders[(sortOrders.indexOf(state.sort) + 1) % sortOrders.length]! },
      };
    case "e":
    case "d":
      return changeAccount(state, letter === "e" ? "enable" : "disable");
    default:
      return { state };
  }
}

function changeAccount(state: TopState, kind: "enable" | "disable"): { state: TopState; wish?: Wish } {
  const account = state.view === "account" ? state.account : selectedItem(state)?.account?.id;
  if (account === undefined || state.view === "request")
    return { state: { ...state, message: `select an account to ${kind} it` } };
  return { state: { ...state, message: `${kind} ${shown(account)} …` }, wish: { kind, account } };
}
