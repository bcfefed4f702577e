// The requests screen: the last requests by account, client, model and result, and one request with its attempts.

import type { RequestListDocument } from "../documents/types.ts";
import { checkField, choiceField, setPlace, textField } from "./controls.ts";
import { h, showList } from "./dom.ts";
import { createLoader } from "./loader.ts";
import { createRequestDetail } from "./request-detail.ts";
import { requestColumns, requestRow } from "./request-row.ts";
import { empty, heading, type Screen } from "./screen.ts";

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
  const detail = createRequestDetail();
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
    update(status) {
      const { recent } = status;
      if (!isList) detail.update(status);
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
