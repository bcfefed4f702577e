// Classifies errors of the Claude API into failures. Statuses, types and `details.error_code`
// are Anthropic's (errors page, SDK); message texts only refine them, since they may change.

import type { ReplyHead } from "../account-kinds/upstream.ts";
import { type Call, isBilled } from "../domain/call.ts";
import type { Failure } from "../domain/failure.ts";
import { objectField, parseErrorJson, stringField } from "../json/json-values.ts";
import { clampUntil, readRetryAfter } from "../network/retry-after.ts";
import { readClaudeLimit } from "./claude-limits.ts";
import { isWebPage, readEdgeRefusal } from "./edge.ts";
import { firstWords, reasonFrom } from "./reason.ts";
import { classifyStanding, classifyStatusAlone, describeReply } from "./reply.ts";
import { claudeStanding } from "./standing.ts";
import { resetInText } from "./times.ts";

export function readClaudeFailure(head: ReplyHead, body: Buffer, call: Call, now: number): Failure {
  const text = body.toString("utf8");
  return classify({ head, error: readError(parseErrorJson(text)), text, call, now });
}

/** An error event after a 200 carries the same envelope, and no headers of its own. */
export function readClaudeErrorEvent(event: unknown, call: Call, now: number): Failure {
  const error = readError(event);
  const head = { status: statusOf.get(error.type ?? "") ?? 500, headers: {} };
  return classify({ head, error, text: "", call, now });
}

interface ClaudeError {
  type: string | undefined;
  message: string;
  code: string | undefined;
}

interface Case {
  head: ReplyHead;
  error: ClaudeError;
  /** The body as it came. */
  text: string;
  call: Call;
  now: number;
}

const statusOf: ReadonlyMap<string, number> = new Map([
  ["invalid_request_error", 400],
  ["authentication_error", 401],
  ["billing_error", 402],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["conflict_error", 409],
  ["request_too_large", 413],
  ["rate_limit_error", 429],
  ["api_error", 500],
  ["timeout_error", 504],
  ["overloaded_error", 529],
]);

function readError(body: unknown): ClaudeError {
  const error = objectField(body, "error");
  return {
    type: stringField(error, "type"),
    message: firstWords(stringField(error, "message") ?? ""),
    // Hosts that imitate the API word errors like OpenAI, too.
    code: stringField(objectField(error, "details"), "error_code") ?? stringField(error, "code"),
  };
}

function classify(at: Case): Failure {
  return (
    readEdgeRefusal(at.head, at.text, reasonOf(at)) ??
    classifyCode(at) ??
    classifyText(at) ??
    classifyStatus(at)
  );
}

/** Codes that say more than their status. */
function classifyCode(at: Case): Failure | undefined {
  const { error, head, now } = at;
  const reason = reasonOf(at);
  switch (error.code) {
    case "enforced_spend_limit_reached":
    case "contract_spend_limit_reached":
      return spendLimit(at);
    case "ramp_limit_exceeded":
      return { kind: "rate-limited", scope: "account", until: readRetryAfter(head.headers, now), reason };
    // A kind of organisation that lacks what this request asks for may serve every other request.
    case "organization_type_not_supported":
    case "parent_organization_required":
      return { kind: "model-missing", reason };
    case "claude_code_version_too_old":
      return { kind: "rejected", status: head.status, reason };
  }
  // The customer's encryption keys are out of reach: nothing works until a person fixes that.
  if (error.code?.startsWith("cmek_")) return { kind: "account-out", reason };
  if (error.code !== undefined && /^(?:thread|compaction|tool|request_body|image)_/.test(error.code)) {
    return { kind: "rejected", status: head.status, reason };
  }
  return undefined;
}

const spendText = /^you have reached your (?:specified )?api usage limits/i;
const usageLimit = /^(?:claude ai )?usage limit reached\|(\d{10})/i;
// A request that only paid extra usage covers, or a login's token outside Claude Code's own traffic.
const extraUsage = /\bextra usage\b|\blong[- ]context\b/i;
const foreignTraffic = /\bonly authorized for use with claude code\b/i;

function classifyText(at: Case): Failure | undefined {
  const { head, error, now } = at;
  if (head.status >= 500) return undefined;
  const reason = reasonOf(at);
  if (spendText.test(error.message)) return spendLimit(at);
  const ends = usageLimit.exec(error.message || firstWords(at.text));
  if (ends) {
    const until = clampUntil(Number(ends[1]) * 1000, now);
    return { kind: "rate-limited", scope: "account", until, reason };
  }
  const reset = head.status === 429 ? resetInText(error.message, now) : undefined;
  if (reset !== undefined) return { kind: "rate-limited", scope: "account", until: reset, reason };
  const isOfItsKind = extraUsage.test(error.message) || foreignTraffic.test(error.message);
  if ((head.status === 400 || head.status === 403) && isOfItsKind) {
    return { kind: "rejected", status: head.status, reason };
  }
  const said = { codes: [error.code, error.type], message: error.message };
  return classifyStanding({ status: head.status, ...said, reason }, claudeStanding);
}

/** "You will regain access on 2027-01-01 at 00:00 UTC." Without a date a person has to raise the limit. */
function spendLimit(at: Case): Failure {
  const reason = reasonOf(at);
  const said = /regain access on ([^.]{4,40}?)(?:\s+at\s+(\d{1,2}:\d{2})\s*(?:UTC|GMT))?\s*(?:\.|$)/i.exec(
    at.error.message,
  );
  const date = said ? Date.parse(`${said[1]} ${said[2] ?? "00:00"} UTC`) : Number.NaN;
  if (Number.isNaN(date) || date <= at.now) return { kind: "account-out", reason };
  return { kind: "rate-limited", scope: "account", until: clampUntil(date, at.now), reason };
}

function classifyStatus(at: Case): Failure {
  const { head, error, text, now } = at;
  const { status } = head;
  const reason = reasonOf(at);
  switch (status) {
    case 401:
    case 403:
      return { kind: "unexplained-refusal", status, reason };
    case 404:
      return error.type === "not_found_error" && /\bmodels?\b/i.test(error.message)
        ? { kind: "model-missing", reason }
        : { kind: "rejected", status, reason, isUnworded: error.type === undefined };
    case 429:
      return classifyLimit(at);
  }
  const until = readRetryAfter(head.headers, now);
  const failure = classifyStatusAlone(head, { reason, until, text });
  const isOverload = error.type === "overloaded_error" && !isWebPage(head, text);
  return failure.kind === "server-error" && isOverload ? { kind: "capacity", until, reason } : failure;
}

function classifyLimit(at: Case): Failure {
  const { head, error, call, now } = at;
  const reason = reasonOf(at);
  const limit = readClaudeLimit(head.headers, now);
  // A window that is used up for everything is a fact, whatever the text adds to it.
  if (limit.kind === "spent" && limit.scope === "account") {
    return { kind: "rate-limited", scope: "account", until: limit.until, reason };
  }
  if (extraUsage.test(error.message)) return { kind: "rejected", status: 429, reason };
  switch (limit.kind) {
    case "spent":
      return { kind: "rate-limited", scope: "model", until: limit.until, reason };
    case "limited":
      // Counting tokens is free and has a rate of its own: messages go on.
      return isBilled(call.operation)
        ? { kind: "rate-limited", scope: "account", until: limit.until, reason }
        : { kind: "limited-unblamed", reason };
    case "silent":
      return { kind: "limited-unblamed", reason };
  }
}

function reasonOf({ head, error, text }: Case): string {
  const code = error.code ?? error.type;
  return reasonFrom([error.message, code], describeReply(head, text));
}
