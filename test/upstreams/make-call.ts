// Calls, answers and times for the tests of the upstreams.

import type { ReplyHead } from "../../src/account-kinds/upstream.ts";
import type { Call } from "../../src/domain/call.ts";
import type { Failure } from "../../src/domain/failure.ts";

/** 2026-11-22T12:00:00Z, a Sunday. */
export const now = Date.UTC(2026, 10, 22, 12);
export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

export function makeCall(parts: Partial<Call> = {}): Call {
  return {
    id: "call-1",
    dialect: "claude",
    family: "claude",
    operation: "generate",
    method: "POST",
    path: "/v1/messages",
    query: "",
    headers: ["content-type", "application/json"],
    clientCredential: [],
    clientQuery: "",
    acceptEncoding: undefined,
    body: Buffer.from("{}"),
    decodedBody: undefined,
    model: "claude-opus-5-5",
    stream: false,
    streamForm: undefined,
    sessionKey: undefined,
    binding: undefined,
    excludesLogins: false,
    headerBudgetMs: undefined,
    ...parts,
  };
}

export function geminiCall(parts: Partial<Call> = {}): Call {
  return makeCall({
    dialect: "gemini",
    family: "gemini",
    path: "/v1beta/models/gemini-2.5-pro:generateContent",
    model: "gemini-2.5-pro",
    ...parts,
  });
}

export function openaiCall(parts: Partial<Call> = {}): Call {
  return makeCall({ dialect: "openai", family: "openai", path: "/v1/responses", model: "gpt-5", ...parts });
}

export function headOf(status: number, headers: Record<string, string> = {}): ReplyHead {
  return { status, headers };
}

/** What a table expects of a failure: its kind and, where given, scope, status and the milliseconds from now until it ends. */
export interface Expected {
  kind: Failure["kind"];
  scope?: "account" | "model";
  status?: number;
  /** Milliseconds from now; null: the provider does not say. */
  in?: number | null;
}

/** The same of an actual failure, for comparison; times are left out where the table has none. */
export function summarize(failure: Failure, expected: Expected): Expected {
  const summary: Expected = { kind: failure.kind };
  if ("scope" in failure) summary.scope = failure.scope;
  if ("status" in failure) summary.status = failure.status;
  if ("in" in expected) {
    const until = "until" in failure ? failure.until : undefined;
    summary.in = until === undefined ? null : until - now;
  }
  return summary;
}
