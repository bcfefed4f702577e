// What each account did in the last 24 hours: the store's sums, read now and then, and what has ended since.

import type { AccountActivity } from "../store/store.ts";
import type { TokenCounts } from "../usage/observer.ts";

export interface RecentUse {
  /** Reads the store when its sums are old; one reading at a time. */
  refresh(): Promise<void>;
  add(account: string, tokens: TokenCounts): void;
  of(account: string): { requests24h: number; tokens24h: number };
}

export interface RecentUseOptions {
  read(since: number): Promise<readonly AccountActivity[]>;
  now: () => number;
}

const dayMs = 86_400_000;
/** So late does a request leave the sums that is older than a day. */
const maxAgeMs = 60_000;

export function createRecentUse({ read, now }: RecentUseOptions): RecentUse {
  let sums = new Map<string, { requests24h: number; tokens24h: number }>();
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  async function readSums(): Promise<void> {
    const time = now();
    const rows = await read(time - dayMs);
    sums = new Map(
      rows.map(({ accountId, requests, tokens }) => [
        accountId,
        { requests24h: requests, tokens24h: tokens },
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
    add(account, { input, output, cacheWrite5m, cacheWrite1h, cacheRead }) {
      // A first read of the store finds it there.
      if (readAt === Number.NEGATIVE_INFINITY) return;
      const known = sums.get(account) ?? { requests24h: 0, tokens24h: 0 };
      sums.set(account, {
        requests24h: known.requests24h + 1,
        tokens24h: known.tokens24h + input + output + cacheWrite5m + cacheWrite1h + cacheRead,
      });
    },
    of: (account) => sums.get(account) ?? { requests24h: 0, tokens24h: 0 },
  };
}
