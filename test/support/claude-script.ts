// How the scripted upstream speaks Claude Messages, and the errors and limit headers that api.anthropic.com is known to send.

import {
  type ClaudeErrorDetails,
  claudeErrorBody,
  claudeEvents,
  claudeLimits,
  claudeMessage,
  claudeModelEntry,
  claudeModelList,
} from "../../src/demo/provider/claude.ts";
import type { TokenCounts } from "../../src/usage/observer.ts";
import { type Behaviour, numberField, objectField, type RecordedRequest, stringField } from "./behaviour.ts";
import { applyEvents, generationOf, type Script, type ScriptedAnswer } from "./script.ts";

export const claudeScript: Script = { answer, usageIn, isTerminal, isError };

export const claudeModels = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"];

function answer(
  request: RecordedRequest,
  behaviour: Behaviour,
  usage: TokenCounts,
): ScriptedAnswer | undefined {
  const headers = {
    "request-id": `req_script${String(request.index).padStart(6, "0")}`,
    "anthropic-organization-id": "5c1d0000-0000-4000-8000-000000000001",
    via: "1.1 google",
  };
  const base = { headers, newline: "\n" as const, billed: false };
  if (request.method === "POST" && request.path === "/v1/messages") {
    const model = stringField(request.json, "model") ?? "claude-sonnet-5-5";
    const message = generationOf({ id: `msg_script${request.index}`, model, usage, behaviour });
    if ((request.json as { stream?: unknown } | undefined)?.stream === true) {
      const events = applyEvents(behaviour, claudeEvents(message), {
        ping: { name: "ping", data: { type: "ping" } },
        nameOf: (data) => stringField(data, "type"),
      });
      return { ...base, form: "sse", events, billed: true };
    }
    return { ...base, form: "json", document: claudeMessage(message), billed: true };
  }
  if (request.method === "POST" && request.path === "/v1/messages/count_tokens") {
    return { ...base, form: "json", document: { input_tokens: Math.ceil(request.body.length / 4) } };
  }
  if (request.method === "GET" && request.path === "/v1/models") {
    return { ...base, form: "json", document: claudeModelList(claudeModels) };
  }
  if (request.method === "GET" && request.path.startsWith("/v1/models/")) {
    const id = decodeURIComponent(request.path.slice("/v1/models/".length));
    if (claudeModels.includes(id)) return { ...base, form: "json", document: claudeModelEntry(id) };
    const missing = claudeError(404, { message: `model: ${id}` });
    return { ...base, form: "json", document: missing.body, status: 404 };
  }
  return undefined;
}

function usageIn(data: unknown): Partial<TokenCounts> | undefined {
  const usage = objectField(data, "usage") ?? objectField(objectField(data, "message"), "usage");
  if (usage === undefined) return undefined;
  const split = objectField(usage, "cache_creation");
  return {
    input: numberField(usage, "input_tokens"),
    output: numberField(usage, "output_tokens"),
    cacheRead: numberField(usage, "cache_read_input_tokens"),
    cacheWrite5m: numberField(split, "ephemeral_5m_input_tokens"),
    cacheWrite1h: numberField(split, "ephemeral_1h_input_tokens"),
    reasoning: numberField(objectField(usage, "output_tokens_details"), "thinking_tokens"),
  };
}

function isTerminal(data: unknown): boolean {
  const type = stringField(data, "type");
  return type === "message_stop" || type === "message";
}

function isError(data: unknown): boolean {
  return stringField(data, "type") === "error";
}

/** An error answer in Claude's envelope. */
export function claudeError(
  status: number,
  { headers, ...details }: ClaudeErrorDetails & { headers?: Record<string, string> } = {},
): Behaviour {
  return { status, headers, body: claudeErrorBody(status, details) };
}

/** The JSON of an error event; the same as an error body. */
export function claudeErrorEvent(type = "api_error", details: Omit<ClaudeErrorDetails, "type"> = {}) {
  return claudeErrorBody(undefined, { ...details, type });
}

/** The API-key headers; `reset` is RFC 3339. */
function claudeKeyLimits(
  buckets: Partial<
    Record<
      "requests" | "tokens" | "input-tokens" | "output-tokens",
      { limit: number; remaining: number; reset: string }
    >
  >,
  retryAfter?: number,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, bucket] of Object.entries(buckets)) {
    for (const [field, value] of Object.entries(bucket)) {
      headers[`anthropic-ratelimit-${name}-${field}`] = String(value);
    }
  }
  if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
  return headers;
}

/** The failures that matter to a pool of accounts, with the wordings seen from the real API. `now` is epoch milliseconds. */
export const claudeFailures = {
  /** A subscription's window is used up. */
  windowRejected: (window: "5h" | "7d", resetsAt: number, now = Date.now()): Behaviour =>
    claudeError(429, {
      message: "This request would exceed your account's rate limit. Please try again later.",
      headers: claudeLimits(
        {
          "5h": { status: "allowed", reset: seconds(resetsAt), utilization: 0.4 },
          "7d": { status: "allowed", reset: seconds(resetsAt), utilization: 0.4 },
          [window]: { status: "rejected", reset: seconds(resetsAt), utilization: 1 },
        },
        {
          status: "rejected",
          reset: seconds(resetsAt),
          claim: window === "5h" ? "five_hour" : "seven_day",
          retryAfter: Math.max(0, Math.ceil((resetsAt - now) / 1000)),
        },
      ),
    }),
  /** Only one model family is used up. */
  modelWindowRejected: (resetsAt: number, claim = "seven_day_opus"): Behaviour =>
    claudeError(429, {
      message: "This request would exceed your account's rate limit. Please try again later.",
      headers: claudeLimits(
        {
          "5h": { status: "allowed", reset: seconds(resetsAt), utilization: 0.2 },
          "7d": { status: "allowed", reset: seconds(resetsAt), utilization: 0.6 },
          "7d_oi": { status: "rejected", reset: seconds(resetsAt), utilization: 1 },
        },
        { status: "rejected", reset: seconds(resetsAt), claim },
      ),
    }),
  /** An API key's bucket is empty. */
  bucketEmpty: (retryAfter: number, now = Date.now()): Behaviour =>
    claudeError(429, {
      message: "This request would exceed your organization's rate limit.",
      headers: claudeKeyLimits(
        { requests: { limit: 50, remaining: 0, reset: new Date(now + retryAfter * 1000).toISOString() } },
        retryAfter,
      ),
    }),
  /** A 429 without any rate-limit header. */
  bare429: (): Behaviour => claudeError(429, { headers: { "x-should-retry": "true" } }),
  extraUsage: (): Behaviour =>
    claudeError(429, { message: "Extra usage is required for long context requests." }),
  outOfCredits: (): Behaviour =>
    claudeError(429, {
      headers: claudeLimits(
        { "5h": { status: "allowed", utilization: 0.1 }, "7d": { status: "allowed", utilization: 0.1 } },
        { status: "rejected", overage: { status: "rejected", disabledReason: "out_of_credits" } },
      ),
    }),
  spendLimit: (): Behaviour =>
    claudeError(429, {
      message: "You have reached your API usage limits. You will regain access on 2027-01-01 at 00:00 UTC.",
      code: "enforced_spend_limit_reached",
    }),
  ramp: (retryAfter: number): Behaviour =>
    claudeError(429, { code: "ramp_limit_exceeded", headers: { "retry-after": String(retryAfter) } }),
  overloaded: (): Behaviour => claudeError(529, { message: "Overloaded" }),
  serverError: (status = 500): Behaviour => claudeError(status, { message: "Internal server error" }),
  unauthorized: (): Behaviour => claudeError(401, { message: "invalid x-api-key" }),
  tokenExpired: (): Behaviour =>
    claudeError(401, {
      message: "OAuth token has expired. Please obtain a new token or refresh your existing token.",
    }),
  tokenRevoked: (): Behaviour =>
    claudeError(403, { message: "OAuth token has been revoked. Please obtain a new token." }),
  modelDenied: (): Behaviour =>
    claudeError(403, { message: "Your account does not have permission to use the specified resource." }),
  creditTooLow: (): Behaviour =>
    claudeError(400, {
      message:
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
    }),
  organizationDisabled: (): Behaviour =>
    claudeError(400, { message: "This organization has been disabled." }),
  organizationOnHold: (): Behaviour => claudeError(400, { code: "organization_on_hold" }),
  billing: (): Behaviour => claudeError(402),
  invalidRequest: (message = "messages: field required"): Behaviour => claudeError(400, { message }),
  modelMissing: (model: string): Behaviour => claudeError(404, { message: `model: ${model}` }),
  tooLarge: (): Behaviour => claudeError(413, { message: "Request exceeds the maximum size" }),
} as const;

function seconds(epochMs: number): number {
  return Math.floor(epochMs / 1000);
}
