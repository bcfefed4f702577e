// Some requests with their attempts, for the tests of `log` and `top`.

import type { Store } from "../../src/store/store.ts";
import { tokens, usageRow } from "../store/rows.ts";
import { minute, now } from "./workplace.ts";

const hostileName = "evil\u001b[2J\u202emodel\r\nx";

const limited = {
  account: "home",
  status: 429,
  class: "rate-limited",
  reason: "the 5-hour limit is reached",
};

export async function seedLog(store: Store): Promise<void> {
  await store.usage.record(
    usageRow("mia00000-0a0a0a0a-0001", {
      time: now - 40 * minute,
      account: "work",
      tokens: tokens({ input: 1200, output: 900, cacheRead: 38_000, reasoning: 250 }),
      firstByteMs: 640,
      totalMs: 12_400,
    }),
  );
  await store.usage.record(
    usageRow("mia00000-0b0b0b0b-0002", {
      time: now - 30 * minute,
      client: "ci",
      account: "work",
      model: "claude-opus-5-5",
      sentModel: "claude-sonnet-5-5",
      attempts: 2,
      attemptRows: [
        { ...limited, next: "next account", ms: 340 },
        { account: "work", status: 200, class: "answered", next: "served", ms: 1180 },
      ],
      firstByteMs: 1520,
      totalMs: 71_000,
    }),
  );
  await store.usage.record(
    usageRow("mia00000-0c0c0c0c-0003", {
      time: now - 20 * minute,
      account: "(none)",
      status: 429,
      outcome: "failed",
      tokens: tokens({}),
      attempts: 2,
      attemptRows: [
        { ...limited, next: "next account", ms: 340 },
        {
          ...{ account: "work", status: undefined, class: "unreachable", next: "no account left" },
          ...{ ms: 10_000, reason: "no connection within 10 s" },
        },
      ],
      firstByteMs: undefined,
      totalMs: 10_400,
    }),
  );
  await store.usage.record(
    usageRow("mia00000-0d0d0d0d-0004", {
      time: now - 10 * minute,
      client: "phone",
      account: "home",
      family: "gemini",
      route: "gemini/generate",
      model: hostileName,
      outcome: "truncated",
    }),
  );
  await store.usage.record(
    usageRow("mia00000-0e0e0e0e-0005", {
      time: now - minute,
      account: "home",
      status: 499,
      outcome: "aborted",
      firstByteMs: undefined,
      totalMs: 600,
    }),
  );
}
