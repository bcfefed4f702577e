// One request with its attempts: as the relay has it while it runs, and out of the store once it has ended.

import type { AttemptDocument, RequestDetailDocument, StatusDocument } from "../documents/types.ts";
import { usd } from "../text/format.ts";
import { h } from "./dom.ts";
import { createLoader } from "./loader.ts";
import { pathCells, resultBadge } from "./request-row.ts";
import { heading, placeLink } from "./screen.ts";
import { dateTime, plain, span } from "./text.ts";

export interface RequestDetail {
  readonly element: HTMLElement;
  load(id: string): void;
  /** It is shown, and the status has changed. */
  update(status: StatusDocument): void;
  cancel(): void;
}

export function createRequestDetail(): RequestDetail {
  const content = h("div");
  const loader = createLoader<RequestDetailDocument>(show);
  let wanted = "";
  let shown = "";
  let isRunning = false;

  function show(request: RequestDetailDocument): void {
    isRunning = request.outcome === null;
    const text = JSON.stringify(request);
    if (text === shown) return;
    shown = text;
    content.replaceChildren(...renderDetail(request));
  }

  function load(): void {
    isRunning = false;
    void loader.load(`/ui/data/requests/${encodeURIComponent(wanted)}`);
  }

  return {
    element: h(
      "div",
      {},
      h("p", { class: "back" }, h("a", { href: placeLink("requests") }, "← All requests")),
      loader.notice,
      content,
    ),
    load(id) {
      content.replaceChildren();
      wanted = id;
      shown = "";
      load();
    },
    update({ running }) {
      const live = running.find(({ id }) => id === wanted);
      if (live !== undefined) show(live);
      else if (isRunning) load();
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
    outcome,
    attempts,
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
    ["Total", total_ms === null ? "running" : span(total_ms)],
    ...tokenFacts(tokens, { first_byte_ms, total_ms }),
    ...(outcome === null ? [] : [["Cost", usd(cost_usd ?? undefined)] as [string, string]]),
  ];
  return [
    heading("Request", h("code", {}, plain(id))),
    h(
      "dl",
      { class: "facts card" },
      ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    ),
    heading("Attempts"),
    attempts.length === 0
      ? h(
          "p",
          { class: "nothing" },
          outcome === null
            ? "No attempt has failed so far."
            : "The first account that was asked answered; no attempt failed.",
        )
      : h("ol", { class: "attempts" }, ...attempts.map(renderAttempt)),
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

function renderAttempt({ account, status, class: kind, next, ms, reason }: AttemptDocument): HTMLElement {
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
    reason === null ? undefined : h("p", { class: "attempt-reason" }, plain(reason)),
    h("p", {}, plain(next)),
  );
}
