// One request as a row of a table.

import type { RequestDocument } from "../documents/types.ts";
import { count, usd } from "../text/format.ts";
import { h } from "./dom.ts";
import { clock, plain, span } from "./text.ts";

const columns: readonly { name: string; kind: string }[] = [
  { name: "Time", kind: "time" },
  { name: "Client", kind: "client wide" },
  { name: "Model", kind: "model" },
  { name: "Accounts", kind: "path" },
  { name: "Result", kind: "result" },
  { name: "First byte", kind: "number wide" },
  { name: "Total", kind: "number total" },
  { name: "Tokens", kind: "number middle" },
  { name: "Cost", kind: "number middle" },
];

export function requestColumns(): HTMLElement {
  return h(
    "thead",
    {},
    h("tr", {}, ...columns.map(({ name, kind }) => h("th", { scope: "col", class: kind }, name))),
  );
}

export function requestRow(request: RequestDocument): HTMLElement {
  const { id, time, client, model, sent_model, path, first_byte_ms, total_ms, tokens, cost_usd, outcome } =
    request;
  const now = Date.now();
  const modelText = model === "" ? "(none)" : plain(model);
  return h(
    "tr",
    { "data-outcome": outcome ?? "running" },
    h("td", { class: "time" }, h("a", { href: `#/requests/${encodeURIComponent(id)}` }, clock(time, now))),
    h("td", { class: "client wide", title: plain(client) }, plain(client)),
    h(
      "td",
      { class: "model", title: modelText },
      modelText,
      sent_model === null ? undefined : h("span", { class: "muted" }, ` as ${plain(sent_model)}`),
    ),
    h("td", { class: "path", title: path.map(plain).join(" → ") }, ...pathCells(path)),
    h("td", { class: "result" }, resultBadge(request)),
    h("td", { class: "number wide" }, span(first_byte_ms)),
    outcome === null
      ? h("td", { class: "number total" }, h("span", { "data-since": time }, "…"))
      : h("td", { class: "number total" }, span(total_ms)),
    h(
      "td",
      { class: "number middle", title: tokensTitle(request) },
      tokens === null ? "–" : count(allOf(tokens)),
    ),
    h("td", { class: "number middle" }, outcome === null ? "–" : usd(cost_usd ?? undefined)),
  );
}

export function pathCells(path: readonly string[]): (Node | string)[] {
  if (path.length === 0) return [h("span", { class: "muted" }, "–")];
  return path.flatMap((account, at) => [
    ...(at === 0 ? [] : [h("span", { class: "arrow", "aria-label": "then" }, " → ")]),
    h("span", { class: at === path.length - 1 ? undefined : "left-behind" }, plain(account)),
  ]);
}

export function resultBadge({ outcome, status }: RequestDocument): HTMLElement {
  if (outcome === null) return h("span", { class: "badge", "data-result": "running" }, "running");
  const word = outcome === "complete" ? String(status) : outcome === "failed" ? `failed ${status}` : outcome;
  // A provider's refusal of the request reaches the client as it is: the answer is complete, and no success.
  const result = outcome === "complete" && (status ?? 0) >= 400 ? "refused" : outcome;
  return h("span", { class: "badge", "data-result": result, title: `status ${status}` }, word);
}

function allOf({
  input,
  output,
  cache_creation,
  cache_read,
}: NonNullable<RequestDocument["tokens"]>): number {
  return input + output + cache_creation + cache_read;
}

function tokensTitle({ tokens }: RequestDocument): string | undefined {
  if (tokens === null) return undefined;
  const { input, output, cache_creation, cache_read } = tokens;
  return `${input} input, ${output} output, ${cache_creation} written to cache, ${cache_read} read from cache`;
}
