// The footnotes of `cc-relay usage`: unknown prices and unknown usage.

import { type Fix, toRun } from "../../domain/errors.ts";
import type { Screen } from "../../terminal/output.ts";
import type { UsageReport } from "./report.ts";

export interface Footnote {
  /** One character; in the table it marks the figures that are meant. */
  mark: string;
  /** A sentence without a full stop. */
  fact: string;
  fix?: Fix | undefined;
}

/** At a sum that lacks what has no price. */
export function partialMark({ unicode }: Pick<Screen, "unicode">): string {
  return unicode ? "≥" : ">";
}

/** At an account whose cost nobody is billed. */
export const listValueMark = "*";

export function footnotes(report: UsageReport, screen: Pick<Screen, "unicode">): Footnote[] {
  const { by, summary, subscriptions } = report;
  const notes: Footnote[] = [];
  const { unpriced, costUsd } = summary.total;
  if (unpriced > 0) {
    const were =
      unpriced === 1
        ? "1 request has no known price and is"
        : `${unpriced} requests have no known price and are`;
    const fix = by === "model" ? undefined : toRun("see which", "cc-relay usage --by model");
    const mark = costUsd === undefined ? "!" : partialMark(screen);
    notes.push({ mark, fact: `${were} not in the cost`, fix });
  }
  if (subscriptions.length > 0) {
    const are = subscriptions.length === 1 ? "is a subscription" : "are subscriptions";
    notes.push({
      mark: listValueMark,
      fact: `${listed(subscriptions)} ${are}: the cost is a list value, not what is billed`,
    });
  }
  return notes;
}

const maxNamed = 3;

function listed(ids: readonly string[]): string {
  const shown =
    ids.length > maxNamed + 1 ? [...ids.slice(0, maxNamed), `${ids.length - maxNamed} others`] : ids;
  return shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
