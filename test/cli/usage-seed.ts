// A week of requests, for the tests of `usage`.

import type { Store } from "../../src/store/store.ts";
import type { UsageRow } from "../../src/store/usage-store.ts";
import { tokens, usageRow } from "../store/rows.ts";
import { day, hour, minute, now } from "./workplace.ts";

export const usageToml = `[[accounts]]
type = "claude-oauth"
id = "claude-max"
refresh_token = "sk-ant-ort01-never-shown"

[[accounts]]
type = "claude-api"
id = "claude-1"
api_key = "sk-ant-never-shown"

[[accounts]]
type = "gemini"
id = "gemini-login"
refresh_token = "1//0never-shown"
`;

/** Prices: Opus 5.5 costs 4 USD in, 20 out, 0.2 cached and 5 to cache per million; GPT-6.1 Sol half of the first two. */
export async function seedUsage(store: Store): Promise<void> {
  const rows: Partial<UsageRow>[] = [
    {
      time: now - 5 * day,
      account: "claude-max",
      tokens: tokens({ input: 1e6, output: 5e5, cacheWrite5m: 2e5, cacheRead: 2e7 }),
    },
    { time: now - 2 * day, account: "claude-1", tokens: tokens({ input: 250_000, output: 1e5 }) },
    {
      time: now - 2 * day + hour,
      account: "claude-1",
      client: "ci",
      outcome: "truncated",
      tokens: tokens({ input: 1000, output: 10 }),
    },
    {
      time: now - 2 * hour,
      account: "openai-1",
      family: "openai",
      model: "gpt-6.1-sol",
      client: "ci",
      tokens: tokens({ input: 10_000, output: 4000, reasoning: 3000, cacheRead: 90_000 }),
    },
    {
      time: now - 90 * minute,
      account: "claude-1",
      model: "claude-house-model",
      tokens: tokens({ input: 5e6 }),
    },
    { time: now - minute, account: "(none)", model: "", outcome: "failed", status: 429, tokens: tokens({}) },
    {
      time: now - minute,
      account: "claude-1",
      outcome: "aborted",
      status: 499,
      tokens: tokens({ input: 500 }),
    },
  ];
  for (const [index, row] of rows.entries()) await store.usage.record(usageRow(`r${index}`, row));
}
