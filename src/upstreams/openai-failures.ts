// Classifies errors of the OpenAI API into failures: codes and types as OpenAI documents them
// and as Codex acts on them.

import type { ReplyHead } from "../account-kinds/upstream.ts";
import { type Call, isBilled } from "../domain/call.ts";
import type { Failure } from "../domain/failure.ts";
import { isObject, numberField, objectField, parseErrorJson, stringField } from "../json/json-values.ts";
import { clampUntil, readRetryAfter } from "../network/retry-after.ts";
import { isWebPage, readEdgeRefusal } from "./edge.ts";
import { readOpenaiLimit } from "./openai-limits.ts";
import { firstWords, reasonFrom } from "./reason.ts";
import { classifyStanding, classifyStatusAlone, describeReply } from "./reply.ts";
import { openaiStanding } from "./standing.ts";
import { resetInText, waitInText } from "./times.ts";

export function readOpenaiFailure(head: ReplyHead, body: Buffer, call: Call, now: number): Failure {
  const text = body.toString("utf8");
  const at = { head, error: readError(parseErrorJson(text)), text, call, now };
  return readEdgeRefusal(head, text, reasonOf(at)) ?? classifyCode(at) ?? classifyStatus(at);
}

/** `response.failed`, or the top-level `error` event in either of its forms. */
export function readOpenaiErrorEvent(event: unknown, call: Call, now: number): Failure {
  const error = readError(objectField(event, "response") ?? event);
  const at = { head: { status: statusOfEvent(event, error), headers: {} }, error, text: "", call, now };
  return classifyCode(at) ?? classifyStatus(at);
}

interface OpenaiError {
  type: string | undefined;
  code: string | undefined;
  message: string;
  /** Epoch ms at which a ChatGPT plan's limit ends. */
  resetsAt: number | undefined;
  resetsInMs: number | undefined;
}

interface Case {
  head: ReplyHead;
  error: OpenaiError;
  text: string;
  call: Call;
  now: number;
}

/** The envelope's `error`; an event may hold the members itself, hosts that imitate the API a bare string. */
function readError(body: unknown): OpenaiError {
  const error = objectField(body, "error") ?? body;
  const resetsAt = numberField(error, "resets_at");
  const resetsIn = numberField(error, "resets_in_seconds");
  return {
    type: stringField(error, "type"),
    code: isObject(error) && typeof error.code === "number" ? undefined : stringField(error, "code"),
    message: firstWords(
      stringField(error, "message") ?? stringField(body, "error") ?? stringField(body, "detail") ?? "",
    ),
    resetsAt: resetsAt === undefined ? undefined : resetsAt * 1000,
    resetsInMs: resetsIn === undefined ? undefined : resetsIn * 1000,
  };
}

function classifyCode(at: Case): Failure | undefined {
  const { error, head, now } = at;
  const reason = reasonOf(at);
  const names = [error.code, error.type];
  const is = (...wanted: string[]) => wanted.some((name) => names.includes(name));
  // Codes of the account's standing come with any status, also in events that have none.
  if (names.some((name) => name !== undefined && openaiStanding.outCodes.has(name))) {
    return { kind: "account-out", reason };
  }
  if (is("usage_limit_reached")) {
    const end = error.resetsAt ?? (error.resetsInMs === undefined ? undefined : now + error.resetsInMs);
    const until = end === undefined ? readOpenaiLimit(head.headers, now).until : clampUntil(end, now);
    return { kind: "rate-limited", scope: "account", until, reason };
  }
  if (is("server_is_overloaded", "slow_down")) {
    const until = readRetryAfter(head.headers, now) ?? waitInText(error.message, tryAgain, now);
    return { kind: "capacity", until, reason };
  }
  // 403 names a model that the project or an unverified organisation may not use.
  if (is("model_not_found")) {
    return head.status === 403 ? { kind: "model-denied", reason } : { kind: "model-missing", reason };
  }
  // The provider has lost the response, or the connection has become too old: clients of a WebSocket begin another one.
  if (is("previous_response_not_found", "websocket_connection_limit_reached")) {
    return { kind: "rejected", status: head.status, reason, isSentAgain: true };
  }
  return undefined;
}

function classifyStatus(at: Case): Failure {
  const { head, error, text, now } = at;
  const { status } = head;
  const reason = reasonOf(at);
  switch (status) {
    case 401:
    case 403:
      return classifyRefusal(at);
    case 404:
      return error.code === undefined &&
        /\bmodels?\b[^.]{0,200}\b(?:not exist|not found|access)\b/i.test(error.message)
        ? { kind: "model-missing", reason }
        : { kind: "rejected", status, reason, isUnworded: (error.type ?? error.code) === undefined };
    case 429:
      return classifyLimit(at);
  }
  const given = readRetryAfter(head.headers, now) ?? waitInText(error.message, tryAgain, now);
  return classifyStatusAlone(head, { reason, until: isWebPage(head, text) ? undefined : given, text });
}

function classifyRefusal(at: Case): Failure {
  const { head, error } = at;
  const { status } = head;
  const reason = reasonOf(at);
  // The client's own OpenAI-Organization or OpenAI-Project header does not fit the account's key.
  if (/^mismatched_(?:organization|project)$/.test(error.code ?? "")) {
    return { kind: "rejected", status, reason };
  }
  const said = { status, codes: [error.code, error.type], message: error.message, reason };
  return classifyStanding(said, openaiStanding) ?? { kind: "unexplained-refusal", status, reason };
}

function classifyLimit(at: Case): Failure {
  const { head, error, call, now } = at;
  const reason = reasonOf(at);
  if (/^you exceeded your current quota/i.test(error.message)) return { kind: "account-out", reason };
  const said = { status: head.status, codes: [error.code, error.type], message: error.message, reason };
  const standing = classifyStanding(said, openaiStanding);
  if (standing) return standing;
  const limit = readOpenaiLimit(head.headers, now);
  const until =
    limit.until ??
    waitInText(error.message, tryAgain, now) ??
    resetInText(error.message, now) ??
    limit.resetOf(error.type ?? "");
  // Reading what is stored and counting have rates of their own.
  const isOwn = !isBilled(call.operation);
  if (isOwn || (until === undefined && !limit.isPresent)) return { kind: "limited-unblamed", reason };
  return { kind: "rate-limited", scope: "account", until, reason };
}

/** "Please try again in 11.054s", "… in 35 seconds", "… in 1m30s". */
const tryAgain = /try again in\s/i;

/** What an event's code would have been as a status. */
const eventStatus: ReadonlyMap<string, number> = new Map([
  ["server_error", 500],
  ["internal_error", 500],
  ["internal_server_error", 500],
  ["api_error", 500],
  ["timeout", 504],
  ["rate_limit_exceeded", 429],
  ["rate_limit_error", 429],
  ["tokens", 429],
  ["requests", 429],
  ["invalid_api_key", 401],
  ["authentication_error", 401],
  ["permission_error", 403],
  ["invalid_request_error", 400],
]);

function statusOfEvent(event: unknown, error: OpenaiError): number {
  const status = numberField(event, "status") ?? numberField(event, "status_code");
  if (status !== undefined && status >= 400 && status < 600) return status;
  for (const name of [error.code, error.type]) {
    const known = eventStatus.get(name ?? "");
    if (known !== undefined) return known;
  }
  // A code that is not the server's speaks of the request: refused content, a prompt that is too long.
  return error.code === undefined ? 500 : 400;
}

function reasonOf({ head, error, text }: Case): string {
  return reasonFrom([error.message, error.code ?? error.type], describeReply(head, text));
}
