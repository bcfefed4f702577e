// Formats numbers, durations and times.

/** `in 2h 14m`, `4m ago`, `now`. What is past is rounded down, what is to come up. */
export function relativeTime(at: number, now: number): string {
  const distance = at - now;
  if (Math.abs(distance) < 1000) return "now";
  if (distance > 0) return `in ${duration(distance)}`;
  const unit = distance > -60_000 ? 1000 : 60_000;
  return `${duration(Math.floor(-distance / unit) * unit)} ago`;
}

/** The two largest units that say something: `45s`, `4m`, `2h 14m`, `3d 4h`. Rounded up, so that a wait is never understated. */
export function duration(ms: number): string {
  const seconds = Math.ceil(Math.max(0, ms) / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.ceil(seconds / 60);
  if (seconds < 600 && seconds % 60 !== 0) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  if (minutes < 60) return `${minutes}m`;
  if (minutes < 1440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "m");
  const hours = Math.ceil(minutes / 60);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** `640ms`, `4.2s`, `3m 12s`: how long something took. */
export function elapsed(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  return ms < 59_950 ? `${(ms / 1000).toFixed(1)}s` : duration(ms);
}

/** RFC 3339 in UTC, whole seconds. */
export function rfc3339(at: number): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** `950`, `1.2k`, `3.4M`, `5.6B`: three digits at most. */
export function count(value: number): string {
  const units = ["", "k", "M", "B", "T"];
  let scaled = value;
  let unit = 0;
  // 999.5 would round to "1000".
  while (Math.abs(scaled) >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && Math.abs(scaled) < 9.95 ? 1 : 0;
  return `${scaled.toFixed(digits).replace(/\.0$/, "")}${units[unit]}`;
}

/** `$1,234.50`, `$0.0042`; `unknown` where there is no price, never 0. */
export function usd(value: number | undefined): string {
  if (value === undefined) return "unknown";
  if (value > 0 && value < 0.01) return value < 0.0001 ? "<$0.0001" : `$${value.toFixed(4)}`;
  return `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** `3 requests, 1.2M tokens and $0.42`; what it cost is unknown without a price, and without tokens all of the use. */
export function useText({ requests, tokens, costUsd }: UseFigures): string {
  if (requests === 0) return "no requests";
  const asked = requests < 1000 ? plural(requests, "request") : `${count(requests)} requests`;
  const used = `${count(tokens)} tokens`;
  if (costUsd === null && tokens === 0) return `${asked} of unknown usage`;
  return costUsd === null ? `${asked} and ${used} of unknown cost` : `${asked}, ${used} and ${usd(costUsd)}`;
}

export interface UseFigures {
  requests: number;
  tokens: number;
  costUsd: number | null;
}

/** `83%`; rounded down below the whole, so that 100% means full. */
export function percent(fraction: number): string {
  const value = fraction * 100;
  return `${value < 100 ? Math.floor(value + 1e-9) : Math.round(value)}%`;
}

/** `1 account`, `2 accounts`. */
export function plural(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? "" : "s"}`;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit} ${small}${smallUnit}`;
}
