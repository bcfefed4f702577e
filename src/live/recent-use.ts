// What each account did in the last 24 hours: the store's sums, read now and then, and what has ended since.

import type { AccountUse } from "../documents/account.ts";
import type { AccountActivity } from "../store/usage-store.ts";
import type { TokenCounts } from "../usage/observer.ts";
import { addUsd } from "./activity.ts";

export interface RecentUse {
  /** Reads the store when its sums are old; one reading at a time. */
  refresh(): Promise<void>;
  /** `costUsd` is undefined when the model has no price. */
  add(account: string, tokens: TokenCounts, costUsd: number | undefined): void;
  of(account: string): AccountUse;
}

export interface RecentUseOptions {
  read(since: number): Promise<readonly AccountActivity[]>;
  now: () => number;
}

const dayMs = 86_400_000;
/** So late does a request leave the sums that is older than a day. */
const maxAgeMs = 60_000;

export function createRecentUse({ read, now }: RecentUseOptions): RecentUse {
  let sums = new Map<string, AccountUse>();
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  async function readSums(): Promise<void> {
    const time = now();
    const rows = await read(time - dayMs);
    sums = new Map(
      rows.map(({ accountId, requests, tokens, costUsd }) => [
        accountId,
        { requests24h: requests, tokens24h: tokens, costUsd24h: costUsd },
      ]),
    );
    readAt = time;
  }

  return {
    async refresh() {
      if (Math.abs(now() - readAt) < maxAgeMs) return;
      reading ??= readSums().finally(() => (reading = undefined));
      await reading;
    },
    add(account, { input, output, cacheWrite5m, cacheWrite1h, cacheRead }, costUsd) {
      // A first read of the store finds it there.
      if (readAt === Number.NEGATIVE_INFINITY) return;
      const { requests24h, tokens24h, costUsd24h } = sums.get(account) ?? noUse;
      sums.set(account, {
        requests24h: requests24h + 1,
        tokens24h: tokens24h + input + output + cacheWrite5m + cacheWrite1h + cacheRead,
        costUsd24h: addUsd(costUsd24h, costUsd),
      });
    },
    of: (account) => sums.get(account) ?? noUse,
  };
}

const noUse: AccountUse = { requests24h: 0, tokens24h: 0, costUsd24h: 0 };
