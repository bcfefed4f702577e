// The upstream Gemini API (generativelanguage.googleapis.com), and how answers of Google's two APIs are observed: Code Assist puts the
// same into an envelope.

import type { Upstream } from "../account-kinds/upstream.ts";
import type { Call, Operation } from "../domain/call.ts";
import { observeGemini } from "../usage/gemini.ts";
import type { AnswerObserver } from "../usage/observer.ts";
import { answerShapes, shapeOf } from "./answer-shapes.ts";
import { readGeminiErrorEvent, readGeminiFailure } from "./gemini-failures.ts";
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

type Asked = Pick<Call, "operation" | "stream">;

/** A stream without `alt=sse` is one array, and an error in place of any stream may come in one: `mayBeArray`. */
function observePublicApi({ operation, stream }: Asked): AnswerObserver {
  return observeGemini({
    shape: { ...shapeOf(answerShapes.gemini, operation), mayBeArray: stream },
    wrapped: false,
  });
}

export function observeCodeAssist({ operation, stream }: Asked): AnswerObserver {
  return observeGemini({
    shape: { ...shapeOf(answerShapes.codeAssist, operation), mayBeArray: stream },
    wrapped: operation === "generate",
  });
}
