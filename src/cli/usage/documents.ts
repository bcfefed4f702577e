// Usage for other programs: one JSON document.

import { toUsageRow } from "../../documents/usage.ts";
import { rfc3339 } from "../../text/format.ts";
import type { UsageReport } from "./report.ts";

export function toJson({ since, until, by, summary }: UsageReport): string {
  const document = {
    since: rfc3339(since),
    until: rfc3339(until),
    by,
    rows: summary.rows.map(toUsageRow),
    total: toUsageRow(summary.total),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
