// Strange providers and strange clients: behaviours and requests that nobody foresaw, the same ones for the same seed.

import type { AccountType } from "../../src/domain/family.ts";
import type { Behaviour } from "./behaviour.ts";
import type { ClientRequest } from "./client.ts";

export type Random = () => number;

/** Mulberry32: small, and the same on every machine. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)]!;
}

export interface StrangeFamily {
  name: "claude" | "gemini" | "openai" | "chat";
  /** The model of ordinary requests; strange ones name the other, so that their usage can be distinguished. */
  models: { ordinary: string; strange: string };
  /** Route and body of a request that costs tokens. */
  generate(model: string, stream: boolean, text: string): ClientRequest;
  /** Other routes of the API, which cost none. */
  free(model: string): ClientRequest[];
  /** Whether the text of a 200 that ended cleanly is a whole answer, or ends in an error that says so. */
  isWhole(text: string, stream: boolean): boolean;
}

/** Whose accounts serve the family. */
export const typeOfFamily: Readonly<Record<StrangeFamily["name"], AccountType>> = {
  claude: "claude-api",
  gemini: "gemini-api",
  openai: "openai-responses",
  chat: "claude-api",
};

function isJson(text: string, holds: (value: Record<string, unknown>) => boolean): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && holds(value as Record<string, unknown>);
  } catch {
    return false;
  }
}

const claudeBody = (model: string, stream: boolean, text: string) => ({
  model,
  max_tokens: 50,
  stream,
  messages: [{ role: "user", content: text }],
});

const geminiBody = (text: string) => ({ contents: [{ role: "user", parts: [{ text }] }] });

export const strangeFamilies: readonly StrangeFamily[] = [
  {
    name: "claude",
    models: { ordinary: "claude-opus-5-5", strange: "claude-sonnet-5-5" },
    generate: (model, stream, text) => ({ path: "/v1/messages", body: claudeBody(model, stream, text) }),
    free: (model) => [
      { path: "/v1/messages/count_tokens", body: claudeBody(model, false, "count") },
      { path: "/v1/models" },
      { path: `/v1/models/${model}` },
    ],
    isWhole: (text, stream) =>
      stream
        ? /"type":\s*"(?:message_stop|error)"|"error":\s*[{"]/.test(text)
        : isJson(text, ({ type }) => type === "message"),
  },
  {
    name: "gemini",
    models: { ordinary: "gemini-2.5-pro", strange: "gemini-2.5-flash" },
    generate: (model, stream, text) => ({
      path: `/gemini/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
      body: geminiBody(text),
    }),
    free: (model) => [
      { path: `/gemini/v1beta/models/${model}:countTokens`, body: geminiBody("count") },
      { path: "/gemini/v1beta/models" },
      { path: `/gemini/v1beta/models/${model}` },
    ],
    isWhole: (text, stream) =>
      stream
        ? /"(?:finishReason|error|blockReason)"/.test(text)
        : isJson(text, (value) => "candidates" in value || "promptFeedback" in value),
  },
  {
    name: "openai",
    models: { ordinary: "gpt-5.6", strange: "gpt-5-mini" },
    generate: (model, stream, text) => ({
      path: "/openai/v1/responses",
      body: { model, stream, input: text },
    }),
    free: () => [{ path: "/openai/v1/models" }, { path: "/openai/v1/responses/resp_unknown" }],
    isWhole: (text, stream) =>
      stream
        ? /"type":\s*"(?:response\.(?:completed|incomplete|failed)|error)"|"error":\s*[{"]/.test(text)
        : isJson(text, ({ object }) => object === "response"),
  },
  {
    name: "chat",
    models: { ordinary: "claude-opus-5-5", strange: "claude-sonnet-5-5" },
    generate: (model, stream, text) => ({
      path: "/v1/chat/completions",
      body: { model, stream, max_tokens: 50, messages: [{ role: "user", content: text }] },
    }),
    free: () => [],
    isWhole: (text, stream) =>
      stream ? text.includes("data: [DONE]") : isJson(text, ({ object }) => object === "chat.completion"),
  },
];

const sentences = [
  "Web search is not enabled for this organization.",
  "The caller does not have permission",
  "You have insufficient permissions for this operation. Missing scopes: model.request.",
  "This feature is not available in your plan.",
  "Something new happened",
  "User content holds a driver's license number, which may not be sent.",
  "Payment tool function is not ready",
  "Your account is disabled for computer use",
  "Your organization is disabled for batch processing",
  "Your organization does not have access to this model's computer use feature",
  'The tool said: "invalid x-api-key"',
  "constructor",
  "",
  "\u0000\u202e\u2028",
  "x".repeat(300_000),
];

const types = [
  "permission_error",
  "invalid_request_error",
  "api_error",
  "of_tomorrow",
  "constructor",
  "__proto__",
];

function errorBody(random: Random): unknown {
  const message = pick(random, sentences);
  const type = pick(random, types);
  return pick<unknown>(random, [
    { type: "error", error: { type, message }, request_id: "req_1" },
    { error: { code: 403, message, status: "PERMISSION_DENIED" } },
    { error: { message, type, param: null, code: null } },
    { error: message },
    [{ error: { code: 403, message, status: "FAILED_PRECONDITION" } }],
  ]);
}

function strangeBody(random: Random): unknown {
  return pick<() => unknown>(random, [
    () => errorBody(random),
    () => errorBody(random),
    () => errorBody(random),
    () => "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>no</body></html>",
    () => "",
    () => "null",
    () => "[]",
    () => "{}",
    () => '{"code":500}',
    () => "[".repeat(20_000),
    () => '{"type":"err',
    () => "plain text of a gateway",
    () => Buffer.from([0, 255, 254, 1, 2, 3]),
    () => "z".repeat(400_000),
    () => ({ object: "chat.completion", choices: [] }),
    () => ({ type: "message" }),
    () => "data: {}\n\n",
  ])();
}

const contentTypes = [
  "application/json",
  "text/html",
  "text/plain",
  "text/event-stream",
  "image/png",
  "x",
  undefined,
];

/** Statuses that blame an account, or the provider's capacity, whatever else is there. */
const namedStatuses: ReadonlySet<number> = new Set([402, 503, 529]);

/** An error that blames nobody for longer than the next request takes, whatever it says. */
export function strangeRefusal(random: Random): Behaviour {
  let status = 400 + Math.floor(random() * 200);
  while (namedStatuses.has(status)) status = 400 + Math.floor(random() * 200);
  return {
    status,
    headers: {
      "content-type": pick(random, contentTypes),
      ...(random() < 0.2 && { "x-strange": "ä".repeat(500) }),
    },
    body: strangeBody(random),
  };
}

const how = ["rst", "fin", "clean"] as const;

/** Anything but a whole, good answer. Some of them hang: the relay's time limits should be short. */
export function strangeBehaviour(random: Random): Behaviour {
  return pick<() => Behaviour>(random, [
    () => strangeRefusal(random),
    () => strangeRefusal(random),
    () => strangeRefusal(random),
    () => ({
      status: 200,
      headers: { "content-type": pick(random, contentTypes) },
      body: strangeBody(random),
    }),
    () => ({ status: pick(random, [201, 204, 301, 307, 399]), body: strangeBody(random) }),
    () => ({
      breakOff: { when: pick(random, ["before-body", "before-headers"]), how: pick(random, ["rst", "fin"]) },
    }),
    () => ({ hang: true }),
    () => ({ events: 6, cut: { afterEvents: Math.floor(random() * 8), how: pick(random, how) } }),
    () => ({ cut: { afterBytes: Math.floor(random() * 400), how: pick(random, how) } }),
    () => ({ rawEvents: [strangeBody(random), "data: {oops\n\n", errorBody(random)] }),
    () => ({ firstEvent: errorBody(random) }),
    () => ({ errorAfter: { events: 1 + Math.floor(random() * 4), event: errorBody(random) } }),
    () => ({
      headers: { "content-encoding": pick(random, ["gzip", "br", "zstd", "snappy"]) },
      body: strangeBody(random),
    }),
    () => ({
      headers: { "content-type": pick(random, contentTypes) },
      chunking: pick(random, ["byte", "utf8", "merged"]),
    }),
    () => ({ pings: 3, betweenEvents: 2, newline: "\r\n", closeAfter: true }),
    () => ({ encoding: pick(random, ["gzip", "br", "zstd", "deflate"]) }),
  ])();
}

/** A request as no client should send it. */
export function strangeRequest(random: Random, { generate, models }: StrangeFamily): ClientRequest {
  const usual = generate(models.strange, random() < 0.5, "strange");
  const body = usual.body as Record<string, unknown>;
  return pick<() => ClientRequest>(random, [
    () => ({ ...usual, body: "" }),
    () => ({ ...usual, body: "{" }),
    () => ({ ...usual, body: "[".repeat(5000) }),
    () => ({
      ...usual,
      body: { ...body, model: pick<unknown>(random, [1, null, {}, [], "", "x".repeat(5000)]) },
    }),
    () => ({ ...usual, body: { ...body, messages: pick<unknown>(random, [null, "x", [null], [{}]]) } }),
    () => ({ ...usual, body: { ...body, [`__proto__`]: 1, "\ud800": "\udfff", n: 1e308 } }),
    () => ({ ...usual, body: JSON.stringify(body).replace(/e/g, "\\u0065") }),
    () => ({ ...usual, body: Buffer.from([0x1f, 0x8b, 8, 0, 0]), headers: ["content-encoding", "gzip"] }),
    () => ({ ...usual, headers: ["content-type", "text/plain", "accept", "x".repeat(2000)] }),
    () => ({ ...usual, method: pick(random, ["PUT", "PATCH", "DELETE"]) }),
    () => ({
      ...usual,
      path: `${usual.path}${usual.path.includes("?") ? "&" : "?"}beta=%00&x=${"y".repeat(500)}`,
    }),
    () => ({
      ...usual,
      headers: ["anthropic-beta", "a,b", "x-session-id", "s".repeat(300), "range", "bytes=0-1"],
    }),
  ])();
}
