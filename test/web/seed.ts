// Usage and accounts that look like some weeks of a real relay, for the page's screens.

import type { AccountConfig } from "../../src/config/config.ts";
import type { Store } from "../../src/store/store.ts";
import type { UsageRow } from "../../src/store/usage-store.ts";
import { testAccount } from "../support/relay.ts";

const dayMs = 86_400_000;

export function seedAccounts(url: string): AccountConfig[] {
  return [
    testAccount("claude-work", "claude-oauth", url, { name: "Work", priority: 200 }),
    testAccount("claude-private", "claude-oauth", url, { name: "Private", priority: 150 }),
    testAccount("claude-key", "claude-api", url, { name: "API key of the team", priority: 50 }),
    testAccount("gemini-1", "gemini-api", url, { name: "Gemini" }),
    testAccount("openai-1", "openai-responses", url, { name: "OpenAI" }),
    testAccount("old", "claude-api", url, { name: "Last year's key", enabled: false }),
  ];
}

const models = [
  { model: "claude-opus-5-5", family: "claude", accounts: ["claude-work", "claude-private"], weight: 5 },
  { model: "claude-sonnet-5-5", family: "claude", accounts: ["claude-work", "claude-key"], weight: 8 },
  { model: "claude-haiku-5-5", family: "claude", accounts: ["claude-private", "claude-key"], weight: 4 },
  { model: "gemini-3.5-pro", family: "gemini", accounts: ["gemini-1"], weight: 2 },
  { model: "gpt-6.1-sol", family: "openai", accounts: ["openai-1"], weight: 3 },
] as const;
const clients = ["laptop", "laptop", "desktop", "ci"];

/** The same rows for the same moment. */
export function seedRows(now: number, { days = 30, perDay = 40 } = {}): UsageRow[] {
  const random = createRandom(7);
  const rows: UsageRow[] = [];
  const weights = models.flatMap((each) => Array.from({ length: each.weight }, () => each));
  for (let at = 0; at < days * perDay; at += 1) {
    const time = Math.floor(now - random() ** 1.2 * days * dayMs - 60_000);
    const { model, family, accounts } = weights[Math.floor(random() * weights.length)]!;
    const account = accounts[Math.floor(random() * accounts.length)]!;
    const scale = 0.3 + random() * 2;
    const isFailed = random() < 0.03;
    const isMoved = !isFailed && accounts.length > 1 && random() < 0.12;
    const other = accounts.find((id) => id !== account) ?? account;
    rows.push({
      requestId: `seed-${at.toString(36)}`,
      time,
      client: clients[Math.floor(random() * clients.length)]!,
      account: isFailed ? "(none)" : account,
      family,
      model,
      route: family === "openai" ? "openai/generate" : `${family}/generate`,
      tokens: isFailed
        ? { input: 0, output: 0, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 0, reasoning: 0 }
        : {
            input: Math.round(1500 * scale),
            output: Math.round(900 * scale),
            cacheWrite5m: Math.round(2500 * scale),
            cacheWrite1h: 0,
            cacheRead: Math.round(38_000 * scale),
            reasoning: Math.round(250 * scale),
          },
      tier: undefined,
      webSearches: 0,
      status: isFailed ? 529 : 200,
      outcome: isFailed ? "failed" : random() < 0.03 ? "truncated" : random() < 0.04 ? "aborted" : "complete",
      attempts: isMoved ? 2 : 1,
      attemptRows: isMoved
        ? [
            { account: other, status: 429, class: "rate-limited", next: "next account", ms: 340, reason },
            { account, status: 200, class: "answered", next: "passed on", ms: 1180 },
          ]
        : [],
      firstByteMs: isFailed ? undefined : Math.round(400 + random() * 2400),
      totalMs: Math.round(2000 + random() * 40_000),
    });
  }
  return rows;
}

const reason = "the 5-hour limit is reached";

export async function seedStore(
  store: Pick<Store, "accounts" | "requests" | "usage" | "bindings" | "tokens">,
  now: number,
): Promise<void> {
  await Promise.all(seedRows(now).map((row) => store.usage.record(row)));
  await store.accounts.saveState({
    accountId: "claude-work",
    lastUsedAt: now - 20_000,
    windows: [
      { name: "5h", utilization: 1, resetsAt: now + 47 * 60_000, status: "rejected" },
      { name: "7d", utilization: 0.62, resetsAt: now + 3.2 * dayMs, status: "allowed" },
      { name: "7d_opus", utilization: 0.83, resetsAt: now + 3.2 * dayMs, status: "allowed_warning" },
    ],
  });
  await store.accounts.saveState({
    accountId: "claude-private",
    lastUsedAt: now - 5000,
    windows: [
      { name: "5h", utilization: 0.34, resetsAt: now + 2.4 * 3_600_000, status: "allowed" },
      { name: "7d", utilization: 0.12, resetsAt: now + 5.6 * dayMs, status: "allowed" },
    ],
  });
  await store.accounts.saveState({
    accountId: "openai-1",
    lastUsedAt: now - 400_000,
    windows: [{ name: "tokens", utilization: 0.07, resetsAt: now + 41_000, status: undefined }],
  });
  await store.accounts.saveCooldown({
    accountId: "claude-work",
    scope: "",
    since: now - 600_000,
    until: now + 47 * 60_000,
    kind: "rate-limited",
    reason: "the 5-hour limit is reached",
    settings: undefined,
    probedAt: now - 600_000,
  });
  await store.accounts.saveCooldown({
    accountId: "gemini-1",
    scope: "",
    since: now - 600_000,
    until: now + 3_000_000,
    kind: "unauthorized",
    reason: "API key not valid. Please pass a valid API key.",
    settings: undefined,
    probedAt: now - 600_000,
  });
}

/** Mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
