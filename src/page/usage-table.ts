// The figures of the usage screen as tables: by key, and over time.

import type { UsageFigures, UsageSeriesDocument } from "../documents/types.ts";
import { count, percent, usd } from "../text/format.ts";
import { h } from "./dom.ts";
import { placeLink } from "./screen.ts";
import { cacheShare, rowName } from "./text.ts";

export function shareOf(figures: UsageFigures): number | undefined {
  return cacheShare({
    input: figures.input_tokens,
    created: figures.cache_creation_tokens,
    read: figures.cache_read_tokens,
  });
}

const figureColumns: readonly { name: string; text(figures: UsageFigures): string; kind?: string }[] = [
  { name: "Requests", text: ({ requests }) => requests.toLocaleString("en-US") },
  {
    name: "Errors",
    text: ({ errors }) => (errors === 0 ? "–" : errors.toLocaleString("en-US")),
    kind: "middle",
  },
  { name: "Input", text: ({ input_tokens }) => count(input_tokens), kind: "middle" },
  { name: "Output", text: ({ output_tokens }) => count(output_tokens), kind: "middle" },
  { name: "Cache write", text: ({ cache_creation_tokens }) => count(cache_creation_tokens), kind: "wide" },
  { name: "Cache read", text: ({ cache_read_tokens }) => count(cache_read_tokens), kind: "wide" },
  {
    name: "Cache share",
    text(figures) {
      const share = shareOf(figures);
      return share === undefined ? "–" : percent(share);
    },
    kind: "middle",
  },
  { name: "Cost", text: ({ cost_usd }) => usd(cost_usd ?? undefined) },
];

export function keyTable({ rows, total, by }: UsageSeriesDocument): HTMLElement {
  const title = `${by[0]?.toUpperCase()}${by.slice(1)}`;
  return figureTable(
    title,
    rows.map((row) => ({ head: rowName(row), figures: row, link: linkOf(by, row.key) })),
    total,
  );
}

export function stepTable({ steps, step, total }: UsageSeriesDocument): HTMLElement {
  const rows = steps.map(({ label, rows: stepRows }) => ({
    head: label,
    figures: sumOf(stepRows),
    link: undefined,
  }));
  const used = rows.filter(({ figures }) => figures.requests > 0);
  const title = { hour: "Hour", day: "Day", week: "Week from" }[step];
  return figureTable(title, used.reverse(), total);
}

function figureTable(
  title: string,
  rows: readonly { head: string; figures: UsageFigures; link: string | undefined }[],
  total: UsageFigures,
): HTMLElement {
  const cells = (figures: UsageFigures) =>
    figureColumns.map(({ text, kind }) => h("td", { class: `number ${kind ?? ""}` }, text(figures)));
  return h(
    "table",
    { class: "usage" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, title),
        ...figureColumns.map(({ name, kind }) =>
          h("th", { scope: "col", class: `number ${kind ?? ""}` }, name),
        ),
      ),
    ),
    h(
      "tbody",
      {},
      ...rows.map(({ head, figures, link }) =>
        h(
          "tr",
          {},
          h("th", { scope: "row", title: head }, link === undefined ? head : h("a", { href: link }, head)),
          ...cells(figures),
        ),
      ),
    ),
    h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, "Total"), ...cells(total))),
  );
}

/** The requests of a row. */
function linkOf(by: string, key: string): string | undefined {
  return key === "(none)" ? undefined : placeLink("requests", { [by]: key });
}

function sumOf(rows: readonly UsageFigures[]): UsageFigures {
  const sum: UsageFigures = {
    requests: 0,
    errors: 0,
    input_tokens: 0,
    output_tokens: 0,
    cache_creation_tokens: 0,
    cache_read_tokens: 0,
    reasoning_tokens: 0,
    cost_usd: null,
  };
  for (const row of rows) {
    sum.requests += row.requests;
    sum.errors += row.errors;
    sum.input_tokens += row.input_tokens;
    sum.output_tokens += row.output_tokens;
    sum.cache_creation_tokens += row.cache_creation_tokens;
    sum.cache_read_tokens += row.cache_read_tokens;
    sum.reasoning_tokens += row.reasoning_tokens;
    if (row.cost_usd !== null) sum.cost_usd = (sum.cost_usd ?? 0) + row.cost_usd;
  }
  return sum;
}
