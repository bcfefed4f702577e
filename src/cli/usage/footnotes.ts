// The footnotes of `cc-relay usage`: unknown prices and unknown usage.

import { type Fix, toRun } from "../../domain/errors.ts";
import type { UsageSummaryRow } from "../../store/usage-store.ts";
import type { Screen } from "../../terminal/output.ts";
import { plural } from "../../text/format.ts";
import { totalOf } from "../../usage/observer.ts";
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
  const mark = summary.total.costUsd === undefined ? "!" : partialMark(screen);
  const fix = by === "model" ? undefined : toRun("see which", "cc-relay usage --by model");
  for (const fact of factsOfMissing(report)) notes.push({ mark, fact, fix });
  if (subscriptions.length > 0) {
    const are = subscriptions.length === 1 ? "is a subscription" : "are subscriptions";
    notes.push({
      mark: listValueMark,
      fact: `${listed(subscriptions)} ${are}: the cost is a list value, not what is billed`,
    });
  }
  return notes;
}

/** What the cost lacks. A row is a sum: where it has tokens or a cost, requests without either may be among those without a price. */
function factsOfMissing({ by, summary: { rows } }: UsageReport): string[] {
  const [unmeasured, others] = [rows.filter(isUnmeasured), rows.filter((row) => !isUnmeasured(row))];
  const sum = (some: readonly UsageSummaryRow[]) => some.reduce((total, { unpriced }) => total + unpriced, 0);
  const lacksPrice = by === "model" && others.every((row) => row.unpriced === 0 || row.costUsd === undefined);
  const lacking = lacksPrice ? "no known price" : "no known price or usage";
  return [
    ...missing(sum(unmeasured), { one: "of unknown usage is", more: "of unknown usage are" }),
    ...missing(sum(others), { one: `has ${lacking} and is`, more: `have ${lacking} and are` }),
  ];
}

function isUnmeasured({ tokens, costUsd, unpriced }: UsageSummaryRow): boolean {
  return unpriced > 0 && costUsd === undefined && totalOf(tokens) === 0;
}

function missing(count: number, { one, more }: { one: string; more: string }): string[] {
  if (count === 0) return [];
  return [`${plural(count, "request")} ${count === 1 ? one : more} not in the cost`];
}

const maxNamed = 3;

function listed(ids: readonly string[]): string {
  const shown =
    ids.length > maxNamed + 1 ? [...ids.slice(0, maxNamed), `${ids.length - maxNamed} others`] : ids;
  return shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
