// The usage screen: a period as stacked bars, the same figures as a table, and as CSV.

import type { UsageFigures, UsageSeriesDocument } from "../documents/types.ts";
import { count, percent, usd } from "../text/format.ts";
import { type ChartData, createChart, seriesColours, swatch } from "./chart.ts";
import { choiceField, dateField, setPlace } from "./controls.ts";
import { h } from "./dom.ts";
import { createLoader } from "./loader.ts";
import { code, empty, heading, type Screen } from "./screen.ts";
import { day, rowName } from "./text.ts";
import { keyTable, shareOf, stepTable } from "./usage-table.ts";

const periods = [
  ["24h", "24 hours"],
  ["7d", "7 days"],
  ["30d", "30 days"],
  ["90d", "90 days"],
  ["custom", "From … to"],
] as const;
const keys = [
  ["model", "by model"],
  ["account", "by account"],
  ["client", "by client"],
] as const;
const measures = [
  ["cost", "Cost"],
  ["tokens", "Tokens"],
  ["requests", "Requests"],
] as const;
const tables = [
  ["keys", "Totals"],
  ["steps", "Over time"],
] as const;

interface Choice {
  period: string;
  from: string;
  to: string;
  by: string;
  measure: string;
  table: string;
}

export function createUsage(): Screen {
  const chart = createChart();
  const legend = h("ul", { class: "legend" });
  const figures = h("p", { class: "usage-total" });
  const tableBox = h("div", { class: "table-frame" });
  const csv = h("a", { class: "button", download: "cc-relay-usage.csv" }, "CSV");
  const nothing = empty(
    "No usage in this period",
    "What goes through the relay is counted. To point a client at it, run ",
    code("cc-relay env claude"),
  );
  const filled = h(
    "div",
    {},
    h("div", { class: "card" }, figures, chart.element, legend),
    heading("Figures", choiceField("Table", "table", tables), csv),
    tableBox,
  );
  const dates = h("span", { class: "dates" }, dateField("From", "from"), dateField("To", "to"));
  const form = h(
    "form",
    { class: "controls" },
    choiceField("Period", "period", periods),
    dates,
    choiceField("Stacked", "by", keys),
    choiceField("Measure", "measure", measures),
  );
  const loader = createLoader<UsageSeriesDocument>(showFigures);
  const element = h("div", { class: "screen" }, heading("Usage"), form, loader.notice, filled, nothing);
  let choice = readChoice(new URLSearchParams());
  let shown: UsageSeriesDocument | undefined;

  for (const part of [form, filled]) {
    part.addEventListener("change", (event) => {
      const field = event.target;
      if (!(field instanceof HTMLSelectElement || field instanceof HTMLInputElement)) return;
      setPlace("usage", { ...toParameters(choice), [field.name]: field.value });
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());

  function showFigures(series: UsageSeriesDocument): void {
    shown = series;
    const isEmpty = series.total.requests === 0;
    filled.hidden = isEmpty;
    nothing.hidden = !isEmpty;
    if (isEmpty) return;
    const { named, data } = toChart(series, choice.measure);
    chart.show(data);
    figures.replaceChildren(...totalText(series.total));
    legend.replaceChildren(...named.map((name, at) => h("li", {}, swatch(at), h("span", {}, name))));
    tableBox.replaceChildren(choice.table === "steps" ? stepTable(series) : keyTable(series));
  }

  return {
    element,
    show({ parameters }) {
      const before = JSON.stringify(queryOf(choice));
      choice = readChoice(parameters);
      fillIn(element, choice);
      dates.hidden = choice.period !== "custom";
      csv.href = `/ui/data/usage.csv?${new URLSearchParams({ ...queryOf(choice), by: choice.table === "steps" ? "day" : choice.by })}`;
      // A change of the measure or the table needs no new figures.
      if (shown !== undefined && before === JSON.stringify(queryOf(choice))) showFigures(shown);
      void loader.load(`/ui/data/usage?${new URLSearchParams(queryOf(choice))}`);
    },
    update() {},
    hide() {
      loader.cancel();
    },
  };
}

function readChoice(parameters: URLSearchParams): Choice {
  const one = (name: string, options: readonly (readonly [string, string])[], standard: string) => {
    const wanted = parameters.get(name);
    return options.some(([value]) => value === wanted) && wanted !== null ? wanted : standard;
  };
  const date = (name: string, standard: string) =>
    /^\d{4}-\d\d-\d\d$/.test(parameters.get(name) ?? "") ? parameters.get(name)! : standard;
  const now = new Date();
  return {
    period: one("period", periods, "7d"),
    from: date("from", day(daysBefore(now, 29))),
    to: date("to", day(now)),
    by: one("by", keys, "model"),
    measure: one("measure", measures, "cost"),
    table: one("table", tables, "keys"),
  };
}

function toParameters({ period, from, to, by, measure, table }: Choice): Record<string, string> {
  return { period, by, measure, table, ...(period === "custom" && { from, to }) };
}

/** Whole hours and days, so that the first bar is not a part of one. */
function queryOf({ period, from, to, by }: Choice): Record<string, string> {
  const now = new Date();
  if (period === "custom") return { since: from, until: to, by };
  if (period === "24h") {
    const hour = new Date(now.getFullYear(), now.getMonth(), now.getDate(), now.getHours() - 23);
    return { since: hour.toISOString(), by };
  }
  return { since: day(daysBefore(now, Number.parseInt(period, 10) - 1)), by };
}

function daysBefore(date: Date, days: number): Date {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - days);
}

function fillIn(element: HTMLElement, choice: Choice): void {
  for (const field of element.querySelectorAll<HTMLSelectElement | HTMLInputElement>("select, input")) {
    const value = Object.entries(choice).find(([name]) => name === field.name)?.[1];
    if (value !== undefined) field.value = value;
  }
}

/** The keys with most of the measure have a colour each, the others share the last one. */
function toChart(
  { rows, steps, step, by }: UsageSeriesDocument,
  measure: string,
): { named: string[]; data: ChartData } {
  const sorted = rows.toSorted((a, b) => amountOf(b, measure) - amountOf(a, measure)).map(rowName);
  const isMany = sorted.length > seriesColours;
  const own = isMany ? sorted.slice(0, seriesColours - 1) : sorted;
  const named = [...own, ...(isMany ? [`${sorted.length - own.length} others`] : [])];
  const bars = steps.map(({ label, rows: stepRows }) => {
    const values = named.map(() => 0);
    for (const row of stepRows) {
      const at = own.indexOf(rowName(row));
      const place = at < 0 ? named.length - 1 : at;
      values[place] = (values[place] ?? 0) + amountOf(row, measure);
    }
    return { label: step === "week" ? `week from ${label}` : label, short: shortLabel(label, step), values };
  });
  const word = measures.find(([value]) => value === measure)?.[1] ?? "";
  return {
    named,
    data: { label: `${word} per ${step}, stacked by ${by}`, series: named, bars, format: formatOf(measure) },
  };
}

function shortLabel(label: string, step: UsageSeriesDocument["step"]): string {
  return step === "hour" ? label.slice(11) : label.slice(5);
}

function amountOf(figures: UsageFigures, measure: string): number {
  if (measure === "cost") return figures.cost_usd ?? 0;
  return measure === "requests" ? figures.requests : allTokens(figures);
}

function formatOf(measure: string): (value: number) => string {
  return measure === "cost" ? (value) => (value === 0 ? "$0" : usd(value)) : count;
}

function allTokens(figures: UsageFigures): number {
  const { input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens } = figures;
  return input_tokens + output_tokens + cache_creation_tokens + cache_read_tokens;
}

function totalText(total: UsageFigures): (Node | string)[] {
  const share = shareOf(total);
  return [
    h("strong", {}, usd(total.cost_usd ?? undefined)),
    ` for ${count(total.requests)} requests and ${count(allTokens(total))} tokens`,
    share === undefined ? "" : `, ${percent(share)} of the input from cache`,
  ];
}
