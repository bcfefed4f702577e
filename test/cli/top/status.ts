// What a relay could say of itself, for the pictures of `top`.

import type { AttemptDocument, RequestDocument, StatusDocument } from "../../../src/documents/types.ts";

export const now = new Date(2026, 10, 22, 12, 0, 0).getTime();
const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();

export function request(id: string, some: Partial<RequestDocument> = {}): RequestDocument {
  return {
    id: `mia00000-${id}-0001`,
    time: at(-60),
    client: "laptop",
    family: "claude",
    route: "claude/generate",
    model: "claude-opus-5-5",
    sent_model: null,
    account: "work",
    path: ["work"],
    status: 200,
    outcome: "complete",
    first_byte_ms: 640,
    total_ms: 12_400,
    tokens: { input: 1200, output: 900, cache_creation: 0, cache_read: 38_000, reasoning: 0 },
    cost_usd: 0.0304,
    ...some,
  };
}

type LiveAccount = StatusDocument["accounts"][number];

function account(id: string, some: Partial<LiveAccount> = {}): LiveAccount {
  return {
    ...{ id, name: id, type: "claude-oauth", family: "claude", priority: 100, enabled: true },
    ...{ state: "ready", reason: null, until: null, last_used_at: at(-60) },
    ...{ windows: [], requests_24h: 0, tokens_24h: 0, cost_usd_24h: 0, running: 0 },
    ...some,
  };
}

export const limited: AttemptDocument = {
  ...{ account: "home", status: 429, class: "rate-limited", next: "next account", ms: 340 },
  reason: "This request would exceed your account's rate limit. Please try again later.",
};

const running = { status: null, outcome: null, total_ms: null, tokens: null, cost_usd: null };

export const status: StatusDocument = {
  version: "0.2.0",
  started_at: at(-11_520),
  running_count: 2,
  accounts: [
    account("home", {
      name: "Home",
      state: "cooldown",
      reason: "the 5-hour limit is reached",
      until: at(2832),
      windows: [
        { name: "5h", utilization: 1, resets_at: at(2832), status: "rejected" },
        { name: "7d", utilization: 0.62, resets_at: at(3.2 * 86_400), status: "allowed" },
      ],
      requests_24h: 61,
      tokens_24h: 2_345_678,
      cost_usd_24h: 3.1,
    }),
    account("work", {
      windows: [
        { name: "5h", utilization: 0.34, resets_at: at(8640), status: "allowed" },
        { name: "7d", utilization: 0.82, resets_at: at(5.6 * 86_400), status: "allowed" },
      ],
      running: 2,
      requests_24h: 41,
      tokens_24h: 1_234_567,
      cost_usd_24h: 1.21,
    }),
    account("gemini-1", {
      type: "gemini-api",
      family: "gemini",
      state: "needs-login",
      reason: "API key not valid. \u001b[31mPlease\u202e pass a valid API key.",
      until: at(3000),
      requests_24h: 2,
      tokens_24h: 340,
      cost_usd_24h: null,
    }),
    account("old", { type: "claude-api", enabled: false, state: "disabled" }),
  ],
  running: [
    {
      ...request("1a1a1a1a", { time: at(-3), path: ["home", "work"], ...running, first_byte_ms: null }),
      attempts: [limited],
    },
    {
      ...request("2b2b2b2b", { time: at(-1), client: "ci", model: "claude-sonnet-5-5", ...running }),
      attempts: [],
    },
  ],
  recent: [
    request("3c3c3c3c", { path: ["home", "work"], total_ms: 71_000 }),
    request("4d4d4d4d", {
      ...{ account: "(none)", path: ["home", "work"], status: 429, outcome: "failed" },
      ...{ first_byte_ms: null, tokens: null, cost_usd: 0 },
    }),
    request("5e5e5e5e", {
      model: "evil\u001b[2J\u202emodel\r\nx",
      client: "phone\u0007",
      outcome: "truncated",
    }),
  ],
  today: {
    ...{ requests: 143, errors: 2, input_tokens: 120_000, output_tokens: 80_000 },
    ...{ cache_creation_tokens: 0, cache_read_tokens: 3_400_000, reasoning_tokens: 0, cost_usd: 4.31 },
  },
};
