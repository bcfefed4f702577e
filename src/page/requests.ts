// The requests screen: the last requests by account, client, model and result, and one request with its attempts.

import type { AttemptDocument, RequestDetailDocument, RequestListDocument } from "../documents/types.ts";
import { usd } from "../text/format.ts";
import { checkField, choiceField, setPlace, textField } from "./controls.ts";
import { h, showList } from "./dom.ts";
import { createLoader } from "./loader.ts";
import { pathCells, requestColumns, requestRow, resultBadge } from "./request-row.ts";
import { empty, heading, placeLink, type Screen } from "./screen.ts";
import { dateTime, plain, span } from "./text.ts";

const spans = [
  ["1h", "1 hour"],
  ["24h", "24 hours"],
  ["7d", "7 days"],
  ["30d", "30 days"],
  ["all", "any time"],
] as const;
const filterNames = ["since", "account", "client", "model", "failed"] as const;
const pageSize = 100;
const maxListed = 500;
const refreshMs = 2000;

export function createRequests(): Screen {
  const body = h("tbody");
  const table = h(
    "div",
    { class: "table-frame" },
    h("table", { class: "requests", "aria-label": "Requests" }, requestColumns(), body),
  );
  const nothing = empty("No request fits", "Try a longer time, or fewer filters.");
  const more = h("button", { type: "button", class: "button" }, "Show more");
  const form = h(
    "form",
    { class: "controls" },
    choiceField("Within", "since", spans),
    textField("Account", "account", "any"),
    textField("Client", "client", "any"),
    textField("Model", "model", "any, or *opus*"),
    checkField("Only failed", "failed"),
  );
  const loader = createLoader<RequestListDocument>(showRequests);
  const detail = createDetail();
  const list = h(
    "div",
    {},
    heading("Requests"),
    form,
    loader.notice,
    table,
    nothing,
    h("p", { class: "after-table" }, more),
  );
  const element = h("div", { class: "screen" }, list, detail.element);
  let parameters = new URLSearchParams();
  let limit = pageSize;
  let isList = false;
  let newest: string | undefined;
  let refresh: number | undefined;

  function showRequests({ requests, more: hasMore }: RequestListDocument): void {
    showList(body, requests, { keyOf: ({ id }) => id, render: requestRow });
    table.hidden = requests.length === 0;
    nothing.hidden = requests.length > 0;
    more.hidden = !hasMore || limit >= maxListed;
  }

  function load(): void {
    const query = new URLSearchParams({ limit: String(limit) });
    for (const [name, value] of parameters) query.set(name, value);
    if (query.get("since") === "all") query.delete("since");
    else if (!query.has("since")) query.set("since", "24h");
    void loader.load(`/ui/data/requests?${query}`);
  }

  more.addEventListener("click", () => {
    limit = Math.min(maxListed, limit + pageSize);
    load();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  form.addEventListener("change", apply);

  function apply(): void {
    const data = new FormData(form);
    const wanted = filterNames.map((name): [string, string] => {
      const value = data.get(name);
      return [name, typeof value === "string" ? value.trim() : ""];
    });
    setPlace("requests", Object.fromEntries(wanted));
  }

  function fillIn(): void {
    for (const field of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>("select, input")) {
      const value = parameters.get(field.name);
      if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = value !== null;
      else field.value = value ?? (field.name === "since" ? "24h" : "");
    }
  }

  return {
    element,
    show({ id, parameters: next }) {
      isList = id === "";
      list.hidden = !isList;
      detail.element.hidden = isList;
      if (!isList) return detail.load(id);
      parameters = next;
      limit = pageSize;
      fillIn();
      load();
    },
    update({ recent }) {
      const first = recent[0]?.id;
      if (first === newest) return;
      newest = first;
      if (!isList || refresh !== undefined) return;
      // Many requests end at once: one look at the list is enough for them.
      refresh = setTimeout(() => {
        refresh = undefined;
        if (isList && element.isConnected) load();
      }, refreshMs);
    },
    hide() {
      isList = false;
      clearTimeout(refresh);
      refresh = undefined;
      loader.cancel();
      detail.cancel();
    },
  };
}

function createDetail() {
  const content = h("div");
  const loader = createLoader<RequestDetailDocument>((request) =>
    content.replaceChildren(...renderDetail(request)),
  );
  const element = h(
    "div",
    {},
    h("p", { class: "back" }, h("a", { href: placeLink("requests") }, "← All requests")),
    loader.notice,
    content,
  );
  return {
    element,
    load(id: string) {
      content.replaceChildren();
      void loader.load(`/ui/data/requests/${encodeURIComponent(id)}`);
    },
    cancel: loader.cancel,
  };
}

function renderDetail(request: RequestDetailDocument): HTMLElement[] {
  const {
    id,
    time,
    client,
    model,
    sent_model,
    route,
    family,
    path,
    first_byte_ms,
    total_ms,
    tokens,
    cost_usd,
  } = request;
  const facts: [string, Node | string][] = [
    ["Result", resultBadge(request)],
    ["Accounts", h("span", { class: "path" }, ...pathCells(path))],
    ["Model", plain(model || "(none)")],
    ...(sent_model === null ? [] : [["Sent as", plain(sent_model)] as [string, string]]),
    ["Client", plain(client)],
    ["Route", `${plain(route)} (${family})`],
    ["Began", dateTime(new Date(time))],
    ["First byte", span(first_byte_ms)],
    ["Total", span(total_ms)],
    ...tokenFacts(tokens, { first_byte_ms, total_ms }),
    ["Cost", usd(cost_usd ?? undefined)],
  ];
  return [
    heading("Request", h("code", {}, plain(id))),
    h(
      "dl",
      { class: "facts card" },
      ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
    heading("Attempts"),
    request.attempts.length === 0
      ? h("p", { class: "nothing" }, "The first account that was asked answered; no attempt failed.")
      : h("ol", { class: "attempts" }, ...request.attempts.map(renderAttempt)),
  ];
}

function tokenFacts(
  tokens: RequestDetailDocument["tokens"],
  { first_byte_ms, total_ms }: Pick<RequestDetailDocument, "first_byte_ms" | "total_ms">,
): [string, string][] {
  if (tokens === null) return [];
  const { input, output, cache_creation, cache_read, reasoning } = tokens;
  const facts: [string, string][] = [
    ["Input", figure(input)],
    ["Output", reasoning > 0 ? `${figure(output)}, ${figure(reasoning)} of it reasoning` : figure(output)],
    ["Cache", `${figure(cache_read)} read, ${figure(cache_creation)} written`],
  ];
  const seconds = ((total_ms ?? 0) - (first_byte_ms ?? 0)) / 1000;
  if (output > 0 && seconds >= 0.1)
    facts.push(["Speed", `${Math.round(output / seconds)} tokens per second`]);
  return facts;
}

function figure(value: number): string {
  return value.toLocaleString("en-US");
}

function renderAttempt({ account, status, class: kind, next, ms }: AttemptDocument): HTMLElement {
  return h(
    "li",
    { class: "attempt", "data-class": kind },
    h(
      "div",
      { class: "attempt-head" },
      h("strong", {}, plain(account)),
      h("span", { class: "badge", "data-result": kind === "answered" ? "complete" : "failed" }, plain(kind)),
      status === null ? undefined : h("span", { class: "muted" }, `status ${status}`),
      ms === null ? undefined : h("span", { class: "muted" }, span(ms)),
    ),
    h("p", {}, plain(next)),
  );
}
