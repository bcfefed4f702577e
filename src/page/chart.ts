// A stacked bar chart as SVG: a bar per step of time, a colour per key. Arrow keys and the pointer pick a bar.

import { h, svg } from "./dom.ts";

export interface ChartData {
  /** What the bars measure, for people who cannot see them. */
  label: string;
  series: readonly string[];
  bars: readonly { label: string; short: string; values: readonly number[] }[];
  format(value: number): string;
}

export interface Chart {
  readonly element: HTMLElement;
  show(data: ChartData): void;
}

/** The last colour is for what is left over. */
export const seriesColours = 8;

const height = 260;
const margin = { top: 12, right: 8, bottom: 26, left: 56 };

export function createChart(): Chart {
  const frame = h("div", { class: "chart", tabindex: 0, role: "group" });
  const tooltip = h("div", { class: "tooltip", role: "status" });
  tooltip.hidden = true;
  const element = h("div", { class: "chart-frame" }, frame, tooltip);
  let data: ChartData | undefined;
  let picked: number | undefined;

  function draw(): void {
    if (data === undefined) return;
    const width = Math.max(240, frame.clientWidth);
    frame.replaceChildren(drawChart(data, { width, picked }));
  }

  function pick(index: number | undefined): void {
    if (data === undefined || index === picked) return;
    picked = index;
    draw();
    showTooltip();
  }

  function showTooltip(): void {
    const bar = picked === undefined ? undefined : data?.bars[picked];
    tooltip.hidden = bar === undefined;
    if (bar === undefined || data === undefined || picked === undefined) return;
    const { series, format } = data;
    const rows = bar.values
      .map((value, at) => ({ value, at, name: series[at] ?? "" }))
      .filter(({ value }) => value > 0)
      .sort((a, b) => b.value - a.value);
    const total = bar.values.reduce((sum, value) => sum + value, 0);
    tooltip.replaceChildren(
      h("p", { class: "tooltip-title" }, bar.label, h("strong", {}, format(total))),
      ...rows.map(({ name, value, at }) =>
        h("p", {}, swatch(at), h("span", { class: "tooltip-name" }, name), h("span", {}, format(value))),
      ),
    );
    const { left, width } = barPlace(data.bars.length, picked, Math.max(240, frame.clientWidth));
    const isRight = left + width / 2 > frame.clientWidth / 2;
    tooltip.style.left = isRight ? "auto" : `${left + width + 8}px`;
    tooltip.style.right = isRight ? `${frame.clientWidth - left + 8}px` : "auto";
  }

  frame.addEventListener("pointermove", (event) => {
    const at = event.clientX - frame.getBoundingClientRect().left;
    pick(barAt(data?.bars.length ?? 0, at, Math.max(240, frame.clientWidth)));
  });
  frame.addEventListener("pointerleave", () => pick(undefined));
  frame.addEventListener("blur", () => pick(undefined));
  frame.addEventListener("keydown", (event) => {
    const last = (data?.bars.length ?? 0) - 1;
    const next = nextPick(event.key, picked, last);
    if (next === "other") return;
    event.preventDefault();
    pick(next);
  });
  new ResizeObserver(draw).observe(frame);

  return {
    element,
    show(next) {
      data = next;
      picked = undefined;
      tooltip.hidden = true;
      frame.setAttribute(
        "aria-label",
        `${next.label}. Arrow keys read the bars; the table below has all figures.`,
      );
      draw();
    },
  };
}

export function swatch(series: number): HTMLElement {
  return h("span", { class: "swatch", "data-series": Math.min(series, seriesColours - 1) });
}

function nextPick(key: string, picked: number | undefined, last: number): number | undefined | "other" {
  switch (key) {
    case "ArrowRight":
      return Math.min(last, (picked ?? -1) + 1);
    case "ArrowLeft":
      return Math.max(0, (picked ?? last + 1) - 1);
    case "Home":
      return 0;
    case "End":
      return last;
    case "Escape":
      return undefined;
    default:
      return "other";
  }
}

function barPlace(bars: number, index: number, width: number): { left: number; width: number } {
  const room = (width - margin.left - margin.right) / Math.max(1, bars);
  const gap = Math.min(6, room * 0.25);
  const barWidth = Math.min(64, room - gap);
  return { left: margin.left + room * index + (room - barWidth) / 2, width: barWidth };
}

function barAt(bars: number, x: number, width: number): number | undefined {
  const room = (width - margin.left - margin.right) / Math.max(1, bars);
  const index = Math.floor((x - margin.left) / room);
  return index >= 0 && index < bars ? index : undefined;
}

function drawChart(
  { bars, format }: ChartData,
  { width, picked }: { width: number; picked: number | undefined },
): SVGElement {
  const plotHeight = height - margin.top - margin.bottom;
  const totals = bars.map(({ values }) => values.reduce((sum, value) => sum + value, 0));
  const { top, lines } = scaleOf(Math.max(0, ...totals));
  const y = (value: number) => margin.top + plotHeight * (1 - value / top);
  const chart = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  for (const value of lines) {
    const at = Math.round(y(value)) + 0.5;
    chart.append(
      svg("line", {
        class: value === 0 ? "axis" : "grid",
        x1: margin.left,
        x2: width - margin.right,
        y1: at,
        y2: at,
      }),
      svg("text", { class: "tick", x: margin.left - 8, y: at + 4, "text-anchor": "end" }, format(value)),
    );
  }
  const everyLabel = Math.ceil((bars.length * 64) / (width - margin.left - margin.right));
  bars.forEach(({ values, short }, index) => {
    const place = barPlace(bars.length, index, width);
    const group = svg("g", { class: picked === undefined || picked === index ? "bar" : "bar dimmed" });
    let sum = 0;
    values.forEach((value, series) => {
      if (value <= 0) return;
      const bottom = y(sum);
      sum += value;
      const head = y(sum);
      group.append(
        svg("rect", {
          "data-series": Math.min(series, seriesColours - 1),
          x: place.left,
          y: head,
          width: place.width,
          height: Math.max(0.5, bottom - head),
        }),
      );
    });
    chart.append(group);
    if ((bars.length - 1 - index) % everyLabel === 0) {
      const middle = place.left + place.width / 2;
      const isAtEdge = middle > width - 22;
      const at = isAtEdge ? { x: width - 2, "text-anchor": "end" } : { x: middle, "text-anchor": "middle" };
      chart.append(svg("text", { class: "tick", y: height - 8, ...at }, short));
    }
  });
  return chart;
}

/** Round figures for at most five lines, the top one at or above the greatest value. */
function scaleOf(greatest: number): { top: number; lines: number[] } {
  if (!(greatest > 0)) return { top: 1, lines: [0] };
  const rough = greatest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step =
    [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough - power / 1e6) ?? rough;
  const many = Math.ceil(greatest / step - 1e-9);
  return { top: step * many, lines: Array.from({ length: many + 1 }, (_, at) => step * at) };
}
