// Headers of a converted call on the way to the provider, and of its answer on the way back.

import type { HeaderMap } from "../../domain/call.ts";

/**
 * The client's headers less those that speak of the OpenAI request which is not sent: its own (`openai-*`, the
 * `x-stainless-*` of its SDK), and what describes a body that is replaced. All others go on, unknown ones included; no user
 * agent is made up.
 */
export function upstreamHeaders(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at]!;
    if (!isLeftOut(name.toLowerCase())) kept.push(name, headers[at + 1]!);
  }
  kept.push("content-type", "application/json", "anthropic-version", "2023-06-01");
  return kept;
}

/** The headers that replace the upstream's `content-type` and `content-length`. */
export function answerHeaders(upstream: HeaderMap, contentType: string): string[] {
  return ["content-type", contentType, ...requestIdForOpenAi(upstream)];
}

/** OpenAI's SDKs read the id of a request from `x-request-id`. */
export function requestIdForOpenAi(upstream: HeaderMap): string[] {
  const id = first(upstream["request-id"]);
  return id === undefined || upstream["x-request-id"] !== undefined ? [] : ["x-request-id", id];
}

export function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

const ofTheBody: ReadonlySet<string> = new Set([
  "content-type",
  "content-encoding",
  "content-md5",
  "content-digest",
  "digest",
  "anthropic-version",
]);

function isLeftOut(name: string): boolean {
  return ofTheBody.has(name) || name.startsWith("openai-") || name.startsWith("x-stainless-");
}
