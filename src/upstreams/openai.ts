// The upstream OpenAI, and hosts that speak its APIs: Responses and Chat Completions.

import type { Upstream } from "../account-kinds/upstream.ts";
import { type Operation, turnStateHeader } from "../domain/call.ts";
import { observeChat } from "../usage/chat.ts";
import { observeOpenai } from "../usage/openai.ts";
import { answerShapes, shapeOf } from "./answer-shapes.ts";
import { readOpenaiErrorEvent, readOpenaiFailure } from "./openai-failures.ts";
import { openaiSocket } from "./openai-frames.ts";
import { readOpenaiWindows } from "./openai-limits.ts";
import { nativeRequest } from "./request.ts";

const operations: ReadonlySet<Operation> = new Set([
  "generate",
  "count-tokens",
  "compact",
  "stored",
  "list-models",
  "get-model",
]);

export const openaiUpstream: Upstream = {
  supports: (call) => call.family === "openai" && operations.has(call.operation),
  prepare: (call, target) => nativeRequest({ call, target, keyHeader: "authorization" }),
  readFailure: readOpenaiFailure,
  readErrorEvent: readOpenaiErrorEvent,
  readWindows: readOpenaiWindows,
  observe: ({ dialect, operation }) =>
    dialect === "chat"
      ? observeChat(shapeOf(answerShapes.chat, operation))
      : observeOpenai(shapeOf(answerShapes.openai, operation)),
  stateHeader: turnStateHeader,
  isAccountHeader: (name) => accountHeader.test(name),
  socketFor: ({ dialect, operation }) =>
    dialect === "openai" && operation === "generate" ? openaiSocket : undefined,
};

/** Codex stores these as its user's own limits: the two windows, further limits of the same form, and credits. */
const accountHeader =
  /^x-(?:[a-z0-9_-]+-)?(?:primary|secondary)-(?:used-percent|window-minutes|reset-at|reset-after-seconds)$|^x-codex-(?:primary|secondary|credits)-|^x-codex-active-limit$|^x-[a-z0-9_-]+-limit-name$/;
