// The figures of the page's usage screen: one sum per key for every hour, day or week of a period.

import type { UsageDimension, UsageSeriesDocument } from "../documents/types.ts";
import { toUsageCsv, toUsageFigures, toUsageRow } from "../documents/usage.ts";
import { UserError } from "../domain/errors.ts";
import type { Store, UsageKey, UsageSummary } from "../store/store.ts";
import { readPeriod } from "../terminal/period.ts";
import { rfc3339 } from "../text/format.ts";
import { stepsOf } from "./usage-steps.ts";

type UsageReader = { usage: Pick<Store["usage"], "summarize"> };

const dimensions = ["model", "account", "client", "family"] as const satisfies readonly UsageDimension[];

/** Throws UserError when a parameter is no period or no key. */
export async function readUsageSeries(
  { usage }: UsageReader,
  parameters: URLSearchParams,
  now: number,
): Promise<UsageSeriesDocument> {
  const { since, until } = periodOf(parameters, now);
  const by = oneOf(dimensions, parameters.get("by") ?? "model");
  const { step, steps } = stepsOf({ since, until });
  const summaries: { label: string; from: number; summary: UsageSummary }[] = [];
  // One after another: other requests get their turn between two of them.
  for (const { label, from, to } of steps) {
    summaries.push({ label, from, summary: await usage.summarize({ since: from, until: to, by }) });
  }
  const whole = await usage.summarize({ since, until, by });
  return {
    since: rfc3339(since),
    until: rfc3339(until),
    by,
    step,
    steps: summaries.map(({ label, from, summary }) => ({
      label,
      start: rfc3339(from),
      rows: summary.rows.map(toUsageRow),
    })),
    rows: whole.rows.map(toUsageRow),
    total: toUsageFigures(whole.total),
  };
}

/** Throws UserError, too. The same text as `cc-relay usage --csv`. */
export async function readUsageCsv(
  { usage }: UsageReader,
  parameters: URLSearchParams,
  now: number,
): Promise<string> {
  const { since, until } = periodOf(parameters, now);
  const by: UsageKey = oneOf(["day", ...dimensions], parameters.get("by") ?? "day");
  return toUsageCsv(await usage.summarize({ since, until, by }));
}

function periodOf(parameters: URLSearchParams, now: number) {
  const until = parameters.get("until") ?? undefined;
  return readPeriod({ since: parameters.get("since") ?? "7d", until }, now);
}

function oneOf<T extends string>(words: readonly T[], word: string): T {
  const found = words.find((each) => each === word);
  if (found !== undefined) return found;
  throw new UserError(`by is one of ${words.join(", ")}`);
}
