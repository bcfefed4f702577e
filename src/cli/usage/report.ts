// The result of `cc-relay usage`, before it is printed.

import type { UsageKey, UsageSummary } from "../../store/store.ts";
import type { Period } from "../../terminal/period.ts";

export interface UsageReport extends Period {
  by: UsageKey;
  summary: UsageSummary;
  /** Ids of the subscriptions (accounts with a login) that were used: nobody is billed what their tokens cost. */
  subscriptions: readonly string[];
}
