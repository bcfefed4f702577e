// What an error of the Gemini API or of Code Assist means for the account and for the request. The order in which a
// 429 is read is Gemini CLI's (googleQuotaErrors): Google has no rate-limit headers, everything stands in the body.

import { type Call, isBilled } from "../call.ts";
import type { Failure } from "../failure.ts";
import { parseJson } from "../json-values.ts";
import { type GoogleError, readGoogleError } from "./google-error.ts";
import { nextMidnightInLosAngeles } from "./los-angeles.ts";
import { reasonFrom } from "./reason.ts";
import { classifyStatusAlone, describeReply, isWebPage } from "./reply.ts";
import { clampUntil, readRetryAfter, waitInText } from "./retry-after.ts";
import type { ReplyHead } from "./upstream.ts";

export function readGeminiFailure(head: ReplyHead, body: Buffer, call: Call, now: number): Failure {
  const text = body.toString("utf8");
  return classify({ head, error: readGoogleError(parseJson(text)) ?? nothing, text, call, now });
}

/** An error as a chunk of a stream is the same envelope. */
export function readGeminiErrorEvent(event: unknown, call: Call, now: number): Failure {
  const error = readGoogleError(event) ?? nothing;
  const head = { status: error.code ?? statusOf[error.status] ?? 500, headers: {} };
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

const statusOf: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

function classify(at: Case): Failure {
  return classifyReason(at) ?? classifyStatus(at);
}

/** The credential is not accepted: another one may be. */
const refused: ReadonlySet<string> = new Set([
  "API_KEY_INVALID",
  "ACCESS_TOKEN_EXPIRED",
  "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
  "ACCOUNT_STATE_INVALID",
  "CREDENTIALS_MISSING",
]);

/** A person has to act: switch something on, pay, verify, or take the key out of use. */
const out: ReadonlySet<string> = new Set([
  "SERVICE_DISABLED",
  "BILLING_DISABLED",
  "API_KEY_SERVICE_BLOCKED",
  "API_KEY_HTTP_REFERRER_BLOCKED",
  "API_KEY_IP_ADDRESS_BLOCKED",
  "API_KEY_ANDROID_APP_BLOCKED",
  "API_KEY_IOS_APP_BLOCKED",
  "CONSUMER_SUSPENDED",
  "CONSUMER_INVALID",
  "INSUFFICIENT_G1_CREDITS_BALANCE",
  "SECURITY_POLICY_VIOLATED",
  "VALIDATION_REQUIRED",
]);

const noCapacity: ReadonlySet<string> = new Set(["MODEL_CAPACITY_EXHAUSTED", "MODEL_CAPACITY_EXCEEDED"]);

function classifyReason(at: Case): Failure | undefined {
  const { head, error } = at;
  if (head.status >= 500) return undefined;
  const has = (set: ReadonlySet<string>) => error.reasons.some((name) => set.has(name));
  if (has(out)) return { kind: "account-out", reason: reasonOf(at) };
  if (has(refused)) return { kind: "unauthorized", reason: reasonOf(at) };
  // The client's own x-goog-user-project header names a project that is not the account's.
  if (error.reasons.includes("USER_PROJECT_DENIED")) {
    return { kind: "rejected", status: head.status, reason: reasonOf(at) };
  }
  return undefined;
}

function classifyStatus(at: Case): Failure {
  const { head, error, now } = at;
  const { status } = head;
  const reason = reasonOf(at);
  switch (status) {
    case 400:
      return classifyBadRequest(at);
    case 401:
      return { kind: "unauthorized", reason };
    case 403:
      return classifyForbidden(at);
    case 404:
      return classifyNotFound(at);
    case 429:
      return classifyLimit(at);
  }
  const until = waitOf(error, now) ?? readRetryAfter(head.headers, now);
  return classifyStatusAlone(status, { reason, until });
}

function classifyBadRequest(at: Case): Failure {
  const { error } = at;
  const reason = reasonOf(at);
  if (/^api key (?:not valid|not found|expired|is invalid)/i.test(error.message)) {
    return { kind: "unauthorized", reason };
  }
  // The free tier is not offered where the key is used from, or billing is off. A file that is not ready fails so too.
  const isOut = /\b(?:location|region|country|territory|billing|free tier|prepay\w*|prepaid|payment)\b/i;
  if (error.status === "FAILED_PRECONDITION" && isOut.test(error.message)) {
    return { kind: "account-out", reason };
  }
  return { kind: "rejected", status: 400, reason };
}

function classifyForbidden(at: Case): Failure {
  const { head, error, text, call } = at;
  const reason = reasonOf(at);
  // A proxy's or firewall's page classifies the address, not the credential.
  if (isWebPage(head, text)) return { kind: "server-error", status: 403, reason };
  if (
    /\breported as leaked\b|\bhas been suspended\b|\bcloudaicompanion\b|\blicen[cs]e\b/i.test(error.message)
  ) {
    return { kind: "account-out", reason };
  }
  if (/\bunregistered callers\b|\bapi key\b|\bauthentication\b|\bcredentials?\b/i.test(error.message)) {
    return { kind: "unauthorized", reason };
  }
  // What Gemini CLI asks for beside (experiments, settings, its quota) may be denied to an account that generates.
  return call.model === undefined
    ? { kind: "rejected", status: 403, reason }
    : { kind: "model-denied", reason };
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
    // RetryInfo stands here too and is misleadingly short.
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
