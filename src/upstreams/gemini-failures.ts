// Classifies errors of the Gemini API and of Code Assist into failures. The order in which a
// 429 is read is Gemini CLI's (googleQuotaErrors): Google has no rate-limit headers, everything is in the body.

import type { ReplyHead } from "../account-kinds/upstream.ts";
import { type Call, isBilled } from "../domain/call.ts";
import type { Failure } from "../domain/failure.ts";
import { httpStatusOf } from "../domain/google-status.ts";
import { parseErrorJson } from "../json/json-values.ts";
import { clampUntil, readRetryAfter } from "../network/retry-after.ts";
import { readEdgeRefusal } from "./edge.ts";
import { type GoogleError, readGoogleError } from "./google-error.ts";
import { reasonFrom } from "./reason.ts";
import { classifyStanding, classifyStatusAlone, describeReply } from "./reply.ts";
import { googleStanding } from "./standing.ts";
import { waitInText } from "./times.ts";

export function readGeminiFailure(head: ReplyHead, body: Buffer, call: Call, now: number): Failure {
  const text = body.toString("utf8");
  return classify({ head, error: readGoogleError(parseErrorJson(text)) ?? nothing, text, call, now });
}

/** An error as a chunk of a stream is the same envelope. */
export function readGeminiErrorEvent(event: unknown, call: Call, now: number): Failure {
  const error = readGoogleError(event) ?? nothing;
  const head = { status: error.code ?? httpStatusOf(error.status) ?? 500, headers: {} };
  return classify({ head, error, text: "", call, now });
}

interface Case {
  head: ReplyHead;
  error: GoogleError;
  text: string;
  call: Call;
  now: number;
}

const nothing: GoogleError = {
  code: undefined,
  status: "",
  message: "",
  reasons: [],
  quotaIds: [],
  hasZeroQuota: false,
  namesModel: false,
  retryDelayMs: undefined,
  resetsAt: undefined,
  resetDelayMs: undefined,
  link: undefined,
  hasDetails: false,
};

function classify(at: Case): Failure {
  return readEdgeRefusal(at.head, at.text, reasonOf(at)) ?? classifyReason(at) ?? classifyStatus(at);
}

const noCapacity: ReadonlySet<string> = new Set(["MODEL_CAPACITY_EXHAUSTED", "MODEL_CAPACITY_EXCEEDED"]);

function classifyReason(at: Case): Failure | undefined {
  const { head, error } = at;
  const { status } = head;
  if (status >= 500) return undefined;
  const reason = reasonOf(at);
  // The client's own x-goog-user-project header names a project that is not the account's.
  if (error.reasons.includes("USER_PROJECT_DENIED")) return { kind: "rejected", status, reason };
  // Google refuses keys with a 400, too.
  const asked = status === 400 && isAboutKey(error) ? 401 : status;
  const said = {
    codes: [...error.reasons, status === 401 ? error.status : undefined],
    message: speaksOfStanding(at) ? error.message : "",
  };
  return classifyStanding({ status: asked, ...said, reason }, googleStanding);
}

/** The sentence of an INVALID_ARGUMENT, or of a status that refuses nobody, is about the request and may quote it. */
function speaksOfStanding({ head: { status }, error }: Case): boolean {
  if (status === 400) return error.status === "FAILED_PRECONDITION" || isAboutKey(error);
  return status === 401 || status === 402 || status === 403 || status === 429;
}

function isAboutKey({ reasons, message }: GoogleError): boolean {
  return reasons.includes("API_KEY_INVALID") || /^api key\b/i.test(message);
}

function classifyStatus(at: Case): Failure {
  const { head, error, now } = at;
  const { status } = head;
  const reason = reasonOf(at);
  switch (status) {
    case 400:
      return classifyBadRequest(at);
    case 401:
    case 403:
      return { kind: "unexplained-refusal", status, reason };
    case 404:
      return classifyNotFound(at);
    case 429:
      return classifyLimit(at);
  }
  const until = waitOf(error, now) ?? readRetryAfter(head.headers, now);
  return classifyStatusAlone(head, { reason, until, text: at.text });
}

/** Anchored, like every sentence that takes an account out. */
const billingOff =
  /^(?:please enable billing\b|this (?:api|api method|method|project) requires billing\b|(?:the )?billing (?:account\b|(?:is|has been|has) (?:not |been )?(?:enabled|disabled|closed|suspended)\b)|your (?:billing account|(?:prepay|prepaid|prepayment) (?:credits?|balance)) (?:is|are|has|have)\b|(?:the |your )?project(?: \S{1,80})? (?:has|does not have|has not) (?:an? |no |any |enabled )*(?:active )?billing\b)/i;

function classifyBadRequest(at: Case): Failure {
  const { error } = at;
  const reason = reasonOf(at);
  // Billing is off, or the free tier is not offered where the key is used from. A file that is not ready fails so too.
  if (error.status === "FAILED_PRECONDITION" && billingOff.test(error.message)) {
    return { kind: "account-out", reason };
  }
  return { kind: "rejected", status: 400, reason };
}

function classifyNotFound(at: Case): Failure {
  const { error, call } = at;
  const reason = reasonOf(at);
  const isCodeAssist = call.path.startsWith("/v1internal") || error.message.startsWith("Requested entity");
  const isAboutModel = /\bmodels?\b/i.test(error.message) || (isCodeAssist && call.operation === "generate");
  return isAboutModel ? { kind: "model-missing", reason } : { kind: "rejected", status: 404, reason };
}

function classifyLimit(at: Case): Failure {
  const { head, error, call, now } = at;
  const reason = reasonOf(at);
  // Quotas are kept per method: one that is used up for counting says nothing about generating.
  if (!isBilled(call.operation)) return { kind: "limited-unblamed", reason };
  if (error.hasZeroQuota) return { kind: "model-denied", reason };
  if (error.quotaIds.some((id) => /PerDay|Daily/i.test(id))) {
    // RetryInfo is here too and is misleadingly short.
    return { kind: "rate-limited", scope: "model", until: nextMidnightInLosAngeles(now), reason };
  }
  if (error.reasons.some((name) => noCapacity.has(name))) {
    return { kind: "capacity", until: waitOf(error, now), reason };
  }
  const scope = error.namesModel || error.reasons.includes("QUOTA_EXHAUSTED") ? "model" : "account";
  const until =
    waitOf(error, now) ??
    readRetryAfter(head.headers, now) ??
    (error.quotaIds.some((id) => /PerMinute/i.test(id)) ? now + 60_000 : undefined);
  // Without a quota, a reason or a time this says no more than a 429 without headers does.
  if (until === undefined && !error.hasDetails) return { kind: "limited-unblamed", reason };
  return { kind: "rate-limited", scope, until, reason };
}

/** RetryInfo first, then Code Assist's own figures, then what the text says. */
function waitOf(error: GoogleError, now: number): number | undefined {
  const delay = error.retryDelayMs ?? error.resetDelayMs;
  if (delay !== undefined) return clampUntil(now + delay, now);
  if (error.resetsAt !== undefined && error.resetsAt > now) return clampUntil(error.resetsAt, now);
  return waitInText(error.message, /\b(?:retry in|reset after|resets in)\s/i, now);
}

function reasonOf({ head, error, text }: Case): string {
  const link = error.reasons.includes("VALIDATION_REQUIRED") && error.link;
  const message = link ? `${error.message || "The account must be verified:"} ${link}` : error.message;
  return reasonFrom([message, error.reasons[0] ?? error.status], describeReply(head, text));
}

const hourMs = 3_600_000;

/** Epoch ms of the next midnight in Los Angeles, when Google's daily quotas are reset (Gemini API docs, rate limits page). */
export function nextMidnightInLosAngeles(now: number): number {
  const here = readClock(now);
  const tomorrow = Date.UTC(here.year, here.month - 1, here.day + 1);
  // Midnight is at 07:00 UTC in summer and at 08:00 in winter; the clocks change at two, so it is one of the two.
  for (const offset of [7 * hourMs, 8 * hourMs]) {
    if (readClock(tomorrow + offset).hour === 0) return tomorrow + offset;
  }
  return tomorrow + 8 * hourMs;
}

interface Clock {
  year: number;
  /** From 1. */
  month: number;
  day: number;
  hour: number;
}

function readClock(time: number): Clock {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: "America/Los_Angeles",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
  });
  const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  return { year: part("year"), month: part("month"), day: part("day"), hour: part("hour") };
}
