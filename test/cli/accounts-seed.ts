// Accounts in every state, for the tests of `accounts`.

import type { CooldownRow, Store } from "../../src/store/store.ts";
import { tokens, usageRow } from "../store/rows.ts";
import { day, hour, minute, now } from "./workplace.ts";

export const accountsToml = `# The relay's accounts
[[accounts]]
type = "openai-responses"
id = "openai-1"
api_key = "sk-proj-never-shown"

# The subscription
[[accounts]]
type = "claude-oauth"
id = "claude-spare"
refresh_token = "sk-ant-ort01-never-shown"
priority = 50

[[accounts]]
type = "claude-oauth"
id = "claude-max"
name = "Work"
refresh_token = "sk-ant-ort01-never-shown-either"
priority = 200 # first of all

[[accounts]]
type = "gemini-api"
id = "gemini-1"
api_key = "AIzaNeverShown"
enabled = false
`;

export async function seedAccounts(store: Store): Promise<void> {
  await store.accounts.saveState({
    accountId: "claude-max",
    lastUsedAt: now - 4 * minute,
    windows: [
      { name: "7d", utilization: 0.81, resetsAt: now + 3 * day + 4 * hour, status: "allowed_warning" },
      { name: "5h", utilization: 0.56, resetsAt: now + 134 * minute, status: "allowed" },
      { name: "7d_oi", utilization: 1.02, resetsAt: now + 3 * day + 4 * hour, status: "rejected" },
      { name: "overage", utilization: undefined, resetsAt: undefined, status: "in-use" },
    ],
  });
  await store.accounts.saveState({
    accountId: "claude-spare",
    lastUsedAt: now - 2 * day,
    windows: [
      { name: "5h", utilization: 0.97, resetsAt: now - 40 * minute, status: "allowed" },
      { name: "requests", utilization: 0.2, resetsAt: now - 40 * minute, status: undefined },
    ],
  });
  const spent = "Your credit balance is too low to access the Anthropic API. Please purchase credits.";
  await store.accounts.saveCooldown(cooldown("claude-spare", { kind: "account-out", reason: spent }));
  await store.accounts.saveCooldown(
    cooldown("claude-max", { scope: "opus", until: now + 30 * hour, reason: "the weekly limit is used up" }),
  );
  const refused = "Incorrect API key provided: sk-proj-***";
  // A relay's environment, which is a part of its settings, is mostly not that of the person who looks.
  const settings = "as the relay has them";
  await store.accounts.saveCooldown(
    cooldown("openai-1", { kind: "unauthorized", until: now + 36 * minute, reason: refused, settings }),
  );
  // Over, so that it says nothing.
  await store.accounts.saveCooldown(cooldown("gemini-1", { until: now - 1 }));
  for (let index = 0; index < 3; index++) {
    await store.usage.record(
      usageRow(`r${index}`, {
        account: "claude-max",
        time: now - (index + 1) * hour,
        tokens: tokens({ input: 1000, output: 200, cacheWrite1h: 30, cacheRead: 410_000 }),
      }),
    );
  }
  await store.usage.record(usageRow("old", { account: "claude-spare", time: now - day - 1 }));
}

function cooldown(accountId: string, some: Partial<CooldownRow>): CooldownRow {
  return {
    accountId,
    scope: "",
    since: now - minute,
    until: now + 95 * minute,
    kind: "rate-limited",
    reason: "the limit is used up",
    settings: undefined,
    probedAt: now - minute,
    ...some,
  };
}
