// The overview: today's figures, every account with its windows, and the requests that run or have just ended.

import type { AccountDocument, StatusDocument, UsageFigures, WindowDocument } from "../documents/types.ts";
import { count, duration, percent, plural, usd, useText } from "../text/format.ts";
import { h, showList } from "./dom.ts";
import { requestColumns, requestRow } from "./request-row.ts";
import { code, empty, heading, placeLink, type Screen } from "./screen.ts";
import { cacheShare, clock, plain } from "./text.ts";

type LiveAccount = StatusDocument["accounts"][number];

const shownRecent = 12;
const shownRunning = 50;

export function createOverview(): Screen {
  const figures = h("dl", { class: "figures" });
  const accountsSide = h("span", { class: "muted" });
  const accounts = h("ul", { class: "accounts" });
  const noAccounts = empty(
    "No accounts yet",
    "Requests go on with the client's own credential. To add one, run ",
    code("cc-relay login claude"),
  );
  const runningSide = h("span", { class: "muted" });
  const running = requestTable("Running requests");
  const noRunning = h("p", { class: "nothing" }, "No request is running.");
  const recent = requestTable("Last requests");
  const noRecent = empty(
    "No requests yet",
    "To point a client at this relay, run ",
    code("cc-relay env claude"),
  );
  const element = h(
    "div",
    { class: "screen" },
    h("h1", { class: "visually-hidden" }, "Overview"),
    figures,
    h("section", {}, heading("Accounts", accountsSide), accounts, noAccounts),
    h("section", {}, heading("Running", runningSide), running.element, noRunning),
    h(
      "section",
      {},
      heading("Last requests", h("a", { href: placeLink("requests") }, "All requests")),
      recent.element,
      noRecent,
    ),
  );
  let ticking: number | undefined;

  return {
    element,
    show() {
      tick(element);
      ticking = setInterval(() => tick(element), 1000);
    },
    hide() {
      clearInterval(ticking);
    },
    update(status) {
      showFigures(figures, status);
      accountsSide.textContent = accountsText(status.accounts);
      showList(accounts, status.accounts, { keyOf: ({ id }) => id, render: renderAccount });
      noAccounts.hidden = status.accounts.length > 0;
      running.show(status.running.slice(0, shownRunning));
      noRunning.hidden = status.running_count > 0;
      runningSide.textContent =
        status.running_count > shownRunning ? `${shownRunning} of ${status.running_count} are shown` : "";
      recent.show(status.recent.slice(0, shownRecent));
      noRecent.hidden = status.recent.length > 0;
      tick(element);
    },
  };
}

function requestTable(label: string) {
  const body = h("tbody");
  const element = h(
    "div",
    { class: "table-frame" },
    h("table", { class: "requests", "aria-label": label }, requestColumns(), body),
  );
  return {
    element,
    show(requests: StatusDocument["recent"]) {
      element.hidden = requests.length === 0;
      showList(body, requests, { keyOf: ({ id }) => id, render: requestRow });
    },
  };
}

function showFigures(list: HTMLElement, { running_count, accounts, today }: StatusDocument): void {
  const items = [
    { name: "Running", value: String(running_count), note: runningText(accounts) },
    { name: "Requests today", value: count(today.requests), note: errorsText(today) },
    { name: "Tokens today", value: count(allTokens(today)), note: tokensText(today) },
    {
      name: "Cost today",
      value: today.requests === 0 ? "$0.00" : usd(today.cost_usd ?? undefined),
      note: "by list price",
    },
  ];
  showList(list, items, {
    keyOf: ({ name }) => name,
    render: ({ name, value, note }) =>
      h(
        "div",
        { class: "figure" },
        h("dt", {}, name),
        h("dd", { class: "figure-value" }, value),
        h("dd", { class: "figure-note" }, note),
      ),
  });
}

function runningText(accounts: readonly LiveAccount[]): string {
  const busy = accounts.filter(({ running }) => running > 0).length;
  return busy === 0 ? "no account is busy" : `on ${plural(busy, "account")}`;
}

function allTokens(figures: UsageFigures): number {
  const { input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens } = figures;
  return input_tokens + output_tokens + cache_creation_tokens + cache_read_tokens;
}

function errorsText({ errors, requests }: UsageFigures): string {
  if (requests === 0) return "none yet";
  return errors === 0 ? "no errors" : plural(errors, "error");
}

function tokensText(figures: UsageFigures): string {
  const share = cacheShare({
    input: figures.input_tokens,
    created: figures.cache_creation_tokens,
    read: figures.cache_read_tokens,
  });
  const output = `${count(figures.output_tokens)} output`;
  return share === undefined ? output : `${output}, ${percent(share)} of the input from cache`;
}

function accountsText(accounts: readonly AccountDocument[]): string {
  const states = ["ready", "cooldown", "needs-login", "disabled"] as const;
  const parts = states.map((state) => {
    const many = accounts.filter((account) => account.state === state).length;
    return many === 0 ? "" : `${many} ${stateWords[state]}`;
  });
  return parts.filter((part) => part !== "").join(", ");
}

const stateWords = {
  ready: "ready",
  cooldown: "in cooldown",
  "needs-login": "needs login",
  disabled: "disabled",
} as const;

function renderAccount(account: LiveAccount): HTMLElement {
  const { id, name, type, priority, state, reason, until, windows, running } = account;
  return h(
    "li",
    { class: "account", "data-state": state },
    h(
      "div",
      { class: "account-head" },
      h("h3", {}, plain(name)),
      h("span", { class: "badge", "data-state": state }, stateWords[state]),
    ),
    h(
      "p",
      { class: "account-kind" },
      [id === name ? "" : plain(id), type, `priority ${priority}`].filter(Boolean).join(" · "),
    ),
    reason === null && until === null
      ? undefined
      : h(
          "p",
          { class: "account-reason" },
          until === null
            ? undefined
            : h("strong", { "data-until": until, "data-before": untilWords(state) }, "…"),
          until === null || reason === null ? undefined : " – ",
          reason === null ? undefined : plain(reason),
        ),
    windows.length === 0 ? undefined : h("div", { class: "windows" }, ...windows.map(renderWindow)),
    h(
      "p",
      { class: "account-foot" },
      running === 0 ? undefined : h("strong", {}, `${running} running`),
      running === 0 ? undefined : ", ",
      `${useText({
        requests: account.requests_24h,
        tokens: account.tokens_24h,
        costUsd: account.cost_usd_24h,
      })} in 24\u00a0h`,
    ),
  );
}

/** A refused credential does not come back by itself: it is tried again. A ready account has a model that is in cooldown. */
function untilWords(state: AccountDocument["state"]): string {
  if (state === "needs-login") return "tried again in ";
  return state === "ready" ? "for " : "back in ";
}

/** A window whose end has passed was reset: what it held then says nothing now. */
function renderWindow({ name, utilization, resets_at, status }: WindowDocument): HTMLElement {
  const used = Math.max(0, utilization ?? 0);
  const level = status === "rejected" || used >= 0.98 ? "full" : used >= 0.8 ? "high" : "room";
  const bar = h("span", { class: "window-fill" });
  bar.style.width = `${Math.min(100, used * 100)}%`;
  return h(
    "div",
    { class: "window", "data-level": level, "data-ends": resets_at ?? undefined },
    h("span", { class: "window-name" }, plain(name)),
    h(
      "span",
      {
        class: "window-bar",
        role: "meter",
        "aria-label": `${plain(name)} window`,
        "aria-valuemin": 0,
        "aria-valuemax": 100,
        "aria-valuenow": Math.round(used * 100),
      },
      bar,
    ),
    h("span", { class: "window-percent" }, utilization === null ? "" : percent(used)),
    h(
      "span",
      { class: "window-reset" },
      resets_at === null ? "" : h("span", { "data-until": resets_at, "data-before": "resets in " }, "…"),
    ),
  );
}

/** Writes the countdowns and the running times anew. */
function tick(element: HTMLElement): void {
  const now = Date.now();
  for (const each of element.querySelectorAll<HTMLElement>("[data-until]")) {
    const { until = "", before = "" } = each.dataset;
    const left = Date.parse(until) - now;
    setText(
      each,
      left > 0 ? `${before}${duration(left)}` : before.startsWith("resets") ? "was reset" : "any moment",
    );
    each.title = clock(until, now);
  }
  for (const each of element.querySelectorAll<HTMLElement>("[data-ends]")) {
    each.classList.toggle("over", Date.parse(each.dataset.ends ?? "") <= now);
  }
  for (const each of element.querySelectorAll<HTMLElement>("[data-since]")) {
    setText(each, duration(Math.max(0, now - Date.parse(each.dataset.since ?? ""))));
  }
}

function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
