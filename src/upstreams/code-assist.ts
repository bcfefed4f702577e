// The upstream Code Assist (cloudcode-pa.googleapis.com): used natively by Gemini CLI in its login mode, and on
// behalf of clients of the public Gemini API.

import type { Upstream } from "../account-kinds/upstream.ts";
import type { Call } from "../domain/call.ts";
import { unwrapAnswer } from "./code-assist-answer.ts";
import { internalRequest, readPublicMethod, wrapRequest } from "./code-assist-request.ts";
import { isInternal, observeCodeAssist } from "./gemini.ts";
import { readGeminiErrorEvent, readGeminiFailure } from "./gemini-failures.ts";

export const codeAssistUpstream: Upstream = {
  supports,
  prepare(call, target) {
    const method = readPublicMethod(call.path);
    return method ? wrapRequest(call, method, target) : internalRequest(call, target);
  },
  readFailure: readGeminiFailure,
  readErrorEvent: readGeminiErrorEvent,
  // Google reports no windows.
  readWindows: () => [],
  observe: observeCodeAssist,
  translate(call) {
    return isInternal(call) || call.operation !== "generate" ? undefined : () => unwrapAnswer(call);
  },
  isAccountHeader: () => false,
};

/** No embeddings, no list of models, and no files: an id of the file API means nothing here. */
function supports(call: Call): boolean {
  if (call.family !== "gemini" || call.binding?.kind === "file") return false;
  if (isInternal(call)) return true;
  const counts = call.operation === "generate" || call.operation === "count-tokens";
  return counts && readPublicMethod(call.path) !== undefined;
}
