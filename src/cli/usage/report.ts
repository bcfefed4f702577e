// The result of `cc-relay usage` before it is printed, and the JSON document of it.

import { toUsageRow } from "../../documents/usage.ts";
import type { UsageKey, UsageSummary } from "../../store/usage-store.ts";
import type { Period } from "../../terminal/period.ts";
import { toJsonText } from "../../text/control-characters.ts";
import { rfc3339 } from "../../text/format.ts";

export interface UsageReport extends Period {
  by: UsageKey;
  summary: UsageSummary;
  /** Ids of the subscriptions (accounts with a login) that were used: nobody is billed what their tokens cost. */
  subscriptions: readonly string[];
}

export function toJson({ since, until, by, summary }: UsageReport): string {
  const document = {
    since: rfc3339(since),
    until: rfc3339(until),
    by,
    rows: summary.rows.map(toUsageRow),
    total: toUsageRow(summary.total),
  };
  return toJsonText(document, { indented: true });
}
