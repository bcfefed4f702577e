// The upstream Gemini API (generativelanguage.googleapis.com).

import type { Upstream } from "../account-kinds/upstream.ts";
import type { Call, Operation } from "../domain/call.ts";
import { readGeminiErrorEvent, readGeminiFailure } from "./gemini-failures.ts";
import { observeCodeAssist, observePublicApi } from "./google-observer.ts";
import { nativeRequest } from "./request.ts";

const operations: ReadonlySet<Operation> = new Set([
  "generate",
  "count-tokens",
  "embed",
  "list-models",
  "get-model",
]);

export const geminiUpstream: Upstream = {
  supports: (call) => call.family === "gemini" && operations.has(call.operation) && !isInternal(call),
  prepare: (call, target) => nativeRequest({ call, target, keyHeader: "x-goog-api-key" }),
  readFailure: readGeminiFailure,
  readErrorEvent: readGeminiErrorEvent,
  // Google reports no windows.
  readWindows: () => [],
  // A client's own login comes with calls of Code Assist.
  observe: (call) => (isInternal(call) ? observeCodeAssist(call) : observePublicApi(call)),
  isAccountHeader: () => false,
};

/** Whether the call is one of Code Assist's own (`/v1internal:METHOD`), which no API key opens. */
export function isInternal(call: Call): boolean {
  return call.path.startsWith("/v1internal");
}
