// The figures of one run as a table, and as a picture.

export interface Measured {
  contestant: string;
  /** CPU time per request, median over the rounds. */
  cpuUs: number;
  /** To the pass-through's, round by round: the median, the lowest and the highest. */
  ratio: { median: number; low: number; high: number };
  /** After the case. */
  rssMiB: number;
}

export interface Result {
  case: string;
  target: number;
  measured: Measured[];
}

export interface Report {
  start: { contestant: string; ms: number; cpuMs: number; idleRssMiB: number }[];
  results: Result[];
  /** Streams at once, what each takes, and whether any failed. */
  many: { streams: number; eachKiB: number; rssMiB: number } | undefined;
  loopDelayP99Ms: number | undefined;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export function toMeasured(
  contestant: string,
  costs: readonly number[],
  floor: readonly number[],
  rssMiB: number,
): Measured {
  const ratios = costs.map((cost, round) => cost / floor[round]!);
  return {
    contestant,
    cpuUs: median(costs),
    ratio: { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) },
    rssMiB,
  };
}

export function toTable({ start, results, many, loopDelayP99Ms }: Report): string {
  const rows = [["", "", "CPU per request", "ratio", "lowest to highest", "target", "RSS"]];
  for (const { case: title, target, measured } of results) {
    for (const [at, { contestant, cpuUs, ratio, rssMiB }] of measured.entries()) {
      rows.push([
        at === 0 ? title : "",
        contestant,
        cpuUs < 10_000 ? `${cpuUs.toFixed(0)} µs` : `${(cpuUs / 1000).toFixed(1)} ms`,
        ratio.median.toFixed(2),
        `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`,
        contestant === "cc-relay" ? `${target}` : "",
        `${rssMiB} MiB`,
      ]);
    }
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
  for (const { contestant, ms, cpuMs, idleRssMiB } of start)
    lines.push(
      `start of ${contestant}: ${ms.toFixed(0)} ms, ${cpuMs.toFixed(0)} ms of CPU time; idle RSS ${idleRssMiB} MiB`,
    );
  if (loopDelayP99Ms !== undefined)
    lines.push(`event loop delay under mixed load, p99: ${loopDelayP99Ms.toFixed(1)} ms (target 10)`);
  if (many)
    lines.push(
      `${many.streams} slow streams at once: ${many.eachKiB.toFixed(0)} KiB each (target 60), RSS ${many.rssMiB} MiB`,
    );
  return lines.join("\n");
}

const rowHeight = 22;
const labelWidth = 260;
const barWidth = 380;

/** Longer bars are broken off there: beside one of ten all others would be too short to compare. */
const maxDrawnRatio = 3;

/** A bar per case and contestant: its CPU time as a multiple of the pass-through's. */
export function toSvg({ results }: Report): string {
  const bars = results.flatMap(({ case: title, measured }) =>
    measured.map(({ contestant, ratio }) => ({ title, contestant, ...ratio })),
  );
  const longest = Math.min(maxDrawnRatio, Math.max(1, ...bars.map(({ high }) => high)));
  const width = (ratio: number) => ((Math.min(ratio, longest) / longest) * barWidth).toFixed(1);
  const parts = bars.map(({ title, contestant, median, low, high }, row) => {
    const y = 34 + row * rowHeight;
    const isFirst = row === 0 || bars[row - 1]!.title !== title;
    const x = (ratio: number) => (labelWidth + Number(width(ratio))).toFixed(1);
    return [
      isFirst ? `<text x="8" y="${y + 12}" class="title">${escapeXml(title)}</text>` : "",
      `<text x="160" y="${y + 12}">${escapeXml(contestant)}</text>`,
      `<rect x="${labelWidth}" y="${y}" width="${width(median)}" height="14" class="${contestant === "cc-relay" ? "own" : "other"}"/>`,
      `<path d="M${x(low)} ${y + 7}H${x(high)}" class="spread"/>`,
      `<text x="${labelWidth + barWidth + 10}" y="${y + 12}">${median.toFixed(2)}</text>`,
    ].join("");
  });
  const height = 44 + bars.length * rowHeight;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${labelWidth + barWidth + 60}" height="${height}" role="img" aria-label="CPU time per request">
<style>text{font:12px sans-serif;fill:#57606a}.title{font-weight:600}.own{fill:#1f6feb}.other{fill:#8c959f}.spread{stroke:#d29922;stroke-width:2}</style>
<text x="8" y="18" class="title">CPU time per request, the bare Node pass-through = 1; lines show the spread over the rounds, up to ${maxDrawnRatio}</text>
${parts.join("\n")}
</svg>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
