import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readClaudeWindows } from "../../src/upstreams/claude-limits.ts";
import { readOpenaiWindows } from "../../src/upstreams/openai-limits.ts";
import type { Window } from "../../src/usage/window.ts";
import { day, hour, minute, now } from "./make-call.ts";

const unix = (ms: number) => String((now + ms) / 1000);

function unified(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [`anthropic-ratelimit-unified-${name}`, value]),
  );
}

describe("windows in the headers of the Claude API", () => {
  const rows: [string, Record<string, string>, Window[]][] = [
    ["no header", { "request-id": "req_1" }, []],
    [
      "a subscription",
      unified({
        status: "allowed_warning",
        reset: unix(hour),
        "representative-claim": "five_hour",
        "fallback-percentage": "0.5",
        "5h-status": "allowed_warning",
        "5h-reset": unix(hour),
        "5h-utilization": "0.93",
        "5h-surpassed-threshold": "0.9",
        "7d-status": "allowed",
        "7d-reset": unix(3 * day),
        "7d-utilization": "0.41",
        "7d_oi-status": "rejected",
        "7d_oi-reset": unix(2 * day),
        "7d_oi-utilization": "1.02",
        "overage-status": "rejected",
        "overage-disabled-reason": "org_level_disabled",
      }),
      [
        { name: "5h", utilization: 0.93, resetsAt: now + hour, status: "allowed_warning" },
        { name: "7d", utilization: 0.41, resetsAt: now + 3 * day, status: "allowed" },
        { name: "7d_oi", utilization: 1.02, resetsAt: now + 2 * day, status: "rejected" },
        { name: "overage", utilization: undefined, resetsAt: undefined, status: "rejected" },
      ],
    ],
    [
      "overage in use",
      unified({ "overage-in-use": "true", "overage-status": "allowed", "overage-reset": unix(day) }),
      [{ name: "overage", utilization: undefined, resetsAt: now + day, status: "in-use" }],
    ],
    [
      "overage in use until the plan's window is refreshed",
      unified({ "overage-in-use": "true", "overage-reset": unix(9 * day), reset: unix(hour) }),
      [{ name: "overage", utilization: undefined, resetsAt: now + hour, status: "in-use" }],
    ],
    [
      "overage not in use",
      unified({ "overage-in-use": "false", "overage-status": "allowed" }),
      [{ name: "overage", utilization: undefined, resetsAt: undefined, status: "allowed" }],
    ],
    [
      "a window that the summary alone tells of",
      unified({ status: "rejected", reset: unix(hour), "representative-claim": "five_hour" }),
      [{ name: "5h", utilization: undefined, resetsAt: now + hour, status: "rejected" }],
    ],
    [
      "a window without a status, with nonsense in it",
      unified({ "5h-utilization": "a lot", "5h-reset": "soon" }),
      [{ name: "5h", utilization: undefined, resetsAt: undefined, status: undefined }],
    ],
    [
      "an API key",
      {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": "2026-11-22T12:01:00Z",
        "anthropic-ratelimit-input-tokens-limit": "40000",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-22T13:00:00Z",
        "anthropic-ratelimit-tokens-limit": "0",
        "anthropic-ratelimit-output-tokens-remaining": "12",
        "anthropic-priority-input-tokens-limit": "10",
      },
      [
        { name: "requests", utilization: 0.02, resetsAt: now + minute, status: undefined },
        { name: "input-tokens", utilization: 1, resetsAt: now + hour, status: undefined },
      ],
    ],
  ];
  for (const [title, headers, expected] of rows) {
    it(title, () => assert.deepEqual(readClaudeWindows(headers), expected));
  }
});

describe("windows in the headers of the OpenAI API", () => {
  const rows: [string, Record<string, string>, Window[]][] = [
    ["no header", { "openai-version": "2020-10-01" }, []],
    [
      "an API key",
      {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-reset-requests": "120ms",
        "x-ratelimit-limit-tokens": "200",
        "x-ratelimit-remaining-tokens": "50",
        "x-ratelimit-reset-tokens": "6m0s",
        "x-ratelimit-limit-project-tokens": "100",
        "x-ratelimit-remaining-project-tokens": "100",
      },
      [
        { name: "requests", utilization: 0.002, resetsAt: now + 120, status: undefined },
        { name: "tokens", utilization: 0.75, resetsAt: now + 6 * minute, status: undefined },
        { name: "project-tokens", utilization: 0, resetsAt: undefined, status: undefined },
      ],
    ],
    [
      "a ChatGPT login",
      {
        "x-codex-primary-used-percent": "42.5",
        "x-codex-primary-window-minutes": "300",
        "x-codex-primary-reset-at": unix(hour),
        "x-codex-secondary-used-percent": "7",
        "x-codex-secondary-window-minutes": "10080",
        "x-codex-secondary-reset-after-seconds": "86400",
        "x-codex-credits-balance": "3",
      },
      [
        { name: "5h", utilization: 0.425, resetsAt: now + hour, status: undefined },
        { name: "7d", utilization: 0.07, resetsAt: now + day, status: undefined },
      ],
    ],
    [
      "windows of other lengths",
      {
        "x-codex-primary-used-percent": "1",
        "x-codex-primary-window-minutes": "45",
        "x-codex-secondary-used-percent": "2",
      },
      [
        { name: "45m", utilization: 0.01, resetsAt: undefined, status: undefined },
        { name: "secondary", utilization: 0.02, resetsAt: undefined, status: undefined },
      ],
    ],
    [
      "a bucket without size, of which no share can be used up",
      { "x-ratelimit-limit-requests": "0", "x-ratelimit-remaining-requests": "0" },
      [],
    ],
    ["nonsense", { "x-codex-primary-used-percent": "many", "x-ratelimit-limit-requests": "-1" }, []],
  ];
  for (const [title, headers, expected] of rows) {
    it(title, () => assert.deepEqual(readOpenaiWindows(headers, now), expected));
  }
});
