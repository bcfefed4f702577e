// The upstream api.anthropic.com, with an API key or with the token of a Claude login.

import type { Target, Upstream } from "../account-kinds/upstream.ts";
import type { Call, Operation } from "../domain/call.ts";
import { observeClaude } from "../usage/claude.ts";
import { answerShapes, shapeOf } from "./answer-shapes.ts";
import { readClaudeErrorEvent, readClaudeFailure } from "./claude-failures.ts";
import { readClaudeWindows } from "./claude-limits.ts";
import { healSignatures } from "./claude-thinking.ts";
import { nativeRequest } from "./request.ts";

/** What the API demands of requests with a login's token (Anthropic's SDK sends it by itself). */
const oauthBeta = "oauth-2025-04-20";

const operations: ReadonlySet<Operation> = new Set(["generate", "count-tokens", "list-models", "get-model"]);

/** A key and a login's token differ in the credential's header and one beta flag. */
export const claudeUpstream: Upstream = {
  supports: (call) => call.family === "claude" && operations.has(call.operation),
  prepare: (call, target) =>
    nativeRequest({ call, target, keyHeader: "x-api-key", headers: headersFor(call, target) }),
  readFailure: readClaudeFailure,
  readErrorEvent: readClaudeErrorEvent,
  readWindows: readClaudeWindows,
  observe: ({ operation, thread, readsSeals }) =>
    observeClaude({
      shape: shapeOf(answerShapes.claude, operation),
      isThread: thread !== undefined,
      readsSeals: readsSeals === true,
    }),
  heal: healSignatures,
  // Claude Code shows these to its user as the limits of the user's own plan.
  isAccountHeader: (name) =>
    name.startsWith("anthropic-ratelimit-") || name.startsWith("anthropic-priority-"),
};

function headersFor(call: Call, target: Target): string[] {
  // A key is of another kind, however it is sent.
  const headers = target.credential.kind === "bearer" ? withBeta(call.headers) : call.headers;
  return target.isForeign ? withoutWorkspace(headers) : headers;
}

/** The name of the client's workspace at Anthropic. */
function withoutWorkspace(headers: readonly string[]): string[] {
  return headers.filter((_, at, all) => all[at - (at % 2)]!.toLowerCase() !== "anthropic-workspace-id");
}

/** The client's list with the flag at its end; the header may be repeated, and then the last one gets it. */
function withBeta(headers: readonly string[]): string[] {
  const result = [...headers];
  let last: number | undefined;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]?.toLowerCase() !== "anthropic-beta") continue;
    if (headers[at + 1]?.split(",").some((flag) => flag.trim() === oauthBeta)) return result;
    last = at + 1;
  }
  if (last === undefined) result.push("anthropic-beta", oauthBeta);
  else result[last] = result[last]?.trim() ? `${result[last]},${oauthBeta}` : oauthBeta;
  return result;
}
