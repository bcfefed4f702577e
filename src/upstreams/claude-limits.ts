// Reads the rate-limit headers of the Claude API: `anthropic-ratelimit-unified-*` of subscriptions (unix seconds, fractions),
// and the buckets of API keys (RFC 3339, counts). The unified ones are undocumented; what they mean was seen in clients.

import type { HeaderMap } from "../domain/call.ts";
import { clampUntil, headerValue, readNumber, readRetryAfter } from "../network/retry-after.ts";
import type { Window } from "../usage/window.ts";
import { parseInstant } from "./times.ts";

/** What the headers of a 429 say: account or model, and until when. */
export type LimitReading =
  /** No header speaks of limits. */
  | { kind: "silent" }
  /** A window of the plan is used up, for everything (`account`) or for one family of models. */
  | { kind: "spent"; scope: "account" | "model"; until: number | undefined }
  /** Headers are there, but no window is used up. */
  | { kind: "limited"; until: number | undefined };

export function readClaudeLimit(headers: HeaderMap, now: number): LimitReading {
  const { windows, summary, overage } = readUnified(headers);
  const wait = readRetryAfter(headers, now);
  const later = (...resets: (number | undefined)[]): number | undefined => {
    const ahead = resets.filter((reset) => reset !== undefined && reset > now) as number[];
    return ahead.length > 0 ? clampUntil(Math.max(...ahead), now) : undefined;
  };
  const summaryReset = isAllowed(summary.status) ? undefined : later(summary.resetsAt);

  // Windows are ANDed: the account is back when the last of the rejected ones is.
  const spent = windows.filter((window) => isRejected(window, summary.status));
  const ofAccount = spent.filter((window) => isAccountWindow(window.name));
  if (ofAccount.length > 0) {
    const until = later(...ofAccount.map((window) => window.resetsAt)) ?? summaryReset ?? wait;
    return { kind: "spent", scope: "account", until };
  }
  if (spent.length > 0) {
    const until = later(...spent.map((window) => window.resetsAt)) ?? summaryReset ?? wait;
    return { kind: "spent", scope: "model", until };
  }
  if (summary.claim !== undefined && rejecting.has(summary.status ?? "")) {
    const scope = isAccountClaim(summary.claim) ? "account" : "model";
    return { kind: "spent", scope, until: summaryReset ?? wait };
  }
  // The plan has room, but this kind of request (a model, the long context) is paid for with credits.
  if (overage.disabledReason === "out_of_credits" && windows.some((window) => isAccountWindow(window.name))) {
    return { kind: "spent", scope: "model", until: wait };
  }
  const exhausted = readBuckets(headers).filter((bucket) => bucket.remaining === 0);
  const until = wait ?? summaryReset ?? later(...exhausted.map((bucket) => bucket.resetsAt));
  if (until !== undefined || Object.keys(headers).some(isLimitHeader)) return { kind: "limited", until };
  return { kind: "silent" };
}

/** The windows that any answer reports, good or bad. */
export function readClaudeWindows(headers: HeaderMap): Window[] {
  // Every answer passes here, and most of those of gateways and test servers say nothing.
  if (!Object.keys(headers).some(isLimitHeader)) return [];
  const { windows, summary, overage } = readUnified(headers);
  const result = [...windows];
  const claimed = claimNames.get(summary.claim ?? "");
  if (windows.length === 0 && claimed !== undefined && summary.status !== undefined) {
    result.push({
      name: claimed,
      utilization: undefined,
      resetsAt: summary.resetsAt,
      status: summary.status,
    });
  }
  if (overage.isPresent) {
    const status = overage.inUse ? "in-use" : overage.status;
    // It is paid until the plan has room again; the budget for it may last to the month's end.
    const resetsAt = (overage.inUse ? summary.resetsAt : undefined) ?? overage.resetsAt;
    result.push({ name: "overage", utilization: undefined, resetsAt, status });
  }
  for (const { name, limit, remaining, resetsAt } of readBuckets(headers)) {
    const utilization =
      limit !== undefined && limit > 0 && remaining !== undefined
        ? Math.max(0, (limit - remaining) / limit)
        : undefined;
    if (utilization === undefined && resetsAt === undefined) continue;
    result.push({ name, utilization, resetsAt, status: undefined });
  }
  return result;
}

interface Unified {
  windows: Window[];
  summary: { status: string | undefined; resetsAt: number | undefined; claim: string | undefined };
  overage: {
    isPresent: boolean;
    status: string | undefined;
    resetsAt: number | undefined;
    inUse: boolean;
    disabledReason: string | undefined;
  };
}

const unified = "anthropic-ratelimit-unified-";
const windowField = /^anthropic-ratelimit-unified-(.+)-(?:status|reset|utilization)$/;

function readUnified(headers: HeaderMap): Unified {
  const value = (suffix: string) => headerValue(headers, unified + suffix);
  const names = new Set<string>();
  for (const header of Object.keys(headers)) {
    const name = windowField.exec(header)?.[1];
    if (name !== undefined && name !== "overage") names.add(name);
  }
  return {
    windows: [...names].map((name) => ({
      name,
      utilization: positive(readNumber(value(`${name}-utilization`))),
      resetsAt: parseInstant(value(`${name}-reset`)),
      status: value(`${name}-status`),
    })),
    summary: {
      status: value("status"),
      resetsAt: parseInstant(value("reset")),
      claim: value("representative-claim"),
    },
    overage: {
      isPresent: Object.keys(headers).some((header) => header.startsWith(`${unified}overage-`)),
      status: value("overage-status"),
      resetsAt: parseInstant(value("overage-reset")),
      inUse: value("overage-in-use")?.toLowerCase() === "true",
      disabledReason: value("overage-disabled-reason"),
    },
  };
}

/** `rejected` is today's value, the others were seen by other clients. */
const rejecting: ReadonlySet<string> = new Set([
  "rejected",
  "rate_limited",
  "blocked",
  "queueing_hard",
  "payment_required",
]);

function isAllowed(status: string | undefined): boolean {
  return status !== undefined && !rejecting.has(status);
}

/** A full window without a status of its own is the rejected one when the summary says that one is. */
function isRejected(window: Window, summaryStatus: string | undefined): boolean {
  if (window.status !== undefined) return rejecting.has(window.status);
  return (window.utilization ?? 0) >= 1 && rejecting.has(summaryStatus ?? "");
}

/** `5h` and `7d` hold for everything an account does; `7d_oi`, `7d_opus` for one family of models. */
function isAccountWindow(name: string): boolean {
  return /^\d+[a-z]+$/.test(name);
}

const claimNames: ReadonlyMap<string, string> = new Map([
  ["five_hour", "5h"],
  ["seven_day", "7d"],
  ["seven_day_overage_included", "7d_oi"],
  ["seven_day_opus", "7d_opus"],
  ["seven_day_sonnet", "7d_sonnet"],
]);

/** `seven_day_opus` and its like name a family of models; `seven_day_oauth_apps` names all that an app does. */
function isAccountClaim(claim: string): boolean {
  return !/^(?:five_hour|seven_day)_(?!oauth_apps$)/.test(claim);
}

interface Bucket {
  name: string;
  limit: number | undefined;
  remaining: number | undefined;
  resetsAt: number | undefined;
}

const bucketNames = ["requests", "tokens", "input-tokens", "output-tokens"];

function readBuckets(headers: HeaderMap): Bucket[] {
  return bucketNames
    .filter((name) =>
      ["limit", "remaining", "reset"].some((field) => `anthropic-ratelimit-${name}-${field}` in headers),
    )
    .map((name) => {
      const value = (field: string) => headerValue(headers, `anthropic-ratelimit-${name}-${field}`);
      return {
        name,
        limit: readNumber(value("limit")),
        remaining: positive(readNumber(value("remaining"))),
        resetsAt: parseInstant(value("reset")),
      };
    });
}

function isLimitHeader(name: string): boolean {
  return name.startsWith("anthropic-ratelimit-") || name.startsWith("anthropic-priority-");
}

function positive(figure: number | undefined): number | undefined {
  return figure === undefined ? undefined : Math.max(0, figure);
}
