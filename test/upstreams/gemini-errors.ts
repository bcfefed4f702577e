// Errors as the Gemini API and Code Assist send them, and what the upstream reads out of one.

import type { Call } from "../../src/domain/call.ts";
import { readGeminiFailure } from "../../src/upstreams/gemini-failures.ts";
import { geminiCall, headOf, now } from "./make-call.ts";

export interface ErrorParts {
  message?: string;
  status?: string;
  details?: unknown[];
}

const statusNames: Record<number, string> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

export function errorBody(code: number, error: ErrorParts = {}): unknown {
  return { error: { code, message: "said", status: statusNames[code] ?? "UNKNOWN", ...error } };
}

interface Reading {
  headers?: Record<string, string>;
  call?: Call;
}

export function read(code: number, error: ErrorParts, { headers = {}, call = geminiCall() }: Reading = {}) {
  return readGeminiFailure(
    headOf(code, headers),
    Buffer.from(JSON.stringify(errorBody(code, error))),
    call,
    now,
  );
}

export const rpc = "type.googleapis.com/google.rpc.";
export const retry = (retryDelay: string) => ({ "@type": `${rpc}RetryInfo`, retryDelay });
export const info = (reason: string, metadata: Record<string, string> = {}) => ({
  "@type": `${rpc}ErrorInfo`,
  reason,
  domain: "cloudcode-pa.googleapis.com",
  metadata,
});
export const quota = (quotaId: string, more: Record<string, unknown> = {}) => ({
  "@type": `${rpc}QuotaFailure`,
  violations: [{ quotaMetric: "m", quotaId, quotaValue: "50", ...more }],
});
