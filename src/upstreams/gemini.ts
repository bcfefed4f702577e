// How the Gemini API (generativelanguage.googleapis.com) is spoken to.

import type { Call, Operation } from "../call.ts";
import { observeGemini } from "../usage/gemini.ts";
import { readGeminiErrorEvent, readGeminiFailure } from "./gemini-failures.ts";
import { isEventStream } from "./reply.ts";
import { nativeRequest } from "./request.ts";
import type { ReplyHead, Upstream } from "./upstream.ts";

const operations: ReadonlySet<Operation> = new Set([
  "generate",
  "count-tokens",
  "embed",
  "list-models",
  "get-model",
]);

export const geminiUpstream: Upstream = {
  type: "gemini-api",
  supports: (call) => call.family === "gemini" && operations.has(call.operation) && !isInternal(call),
  prepare: (call, target) => nativeRequest({ call, target, keyHeader: "x-goog-api-key" }),
  readFailure: readGeminiFailure,
  readErrorEvent: readGeminiErrorEvent,
  // Google reports no windows.
  readWindows: () => [],
  observe: (call, head) => observeGemini({ form: answerForm(call, head), wrapped: false }),
  isAccountHeader: () => false,
};

/** Whether the call is one of Code Assist's own (`/v1internal:METHOD`), which no API key opens. */
export function isInternal(call: Call): boolean {
  return call.path.startsWith("/v1internal");
}

/** A stream without `alt=sse` is one JSON array. */
export function answerForm(call: Call, head: ReplyHead): "json" | "sse" | "json-array" {
  if (isEventStream(head.headers, call.streamForm === "sse")) return "sse";
  return call.streamForm === "json-array" ? "json-array" : "json";
}
