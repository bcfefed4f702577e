// How the Responses API is spoken over a WebSocket: what its frames mean beside the events that they hold.

import type { ProviderFrame, SocketProtocol } from "../account-kinds/upstream.ts";
import type { HeaderMap } from "../domain/call.ts";
import { readSpan, readString, scanMembers } from "../json/json-scan.ts";
import { fieldOf, isObject, numberField, objectField, parseJson, stringField } from "../json/json-values.ts";
import { observeOpenaiFrames } from "../usage/openai.ts";
import type { Window } from "../usage/window.ts";
import { readOpenaiWindows } from "./openai-limits.ts";

export const openaiSocket: SocketProtocol = {
  readFrame,
  readWindows,
  observe: observeOpenaiFrames,
  hidesLimits: true,
};

const endings: ReadonlySet<string> = new Set([
  ...["response.completed", "response.incomplete", "response.failed"],
  "error",
]);

function readFrame(frame: Buffer): ProviderFrame {
  const members = scanMembers(frame, ["type", "response", "status", "status_code", "headers"]);
  const type = readString(frame, members?.get("type")) ?? "";
  const isError = type === "error";
  const status = readSpan(frame, members?.get("status") ?? members?.get("status_code"));
  return {
    isLimits: type === "codex.rate_limits",
    isLast: endings.has(type),
    status: isError && isErrorStatus(status) ? status : undefined,
    headers: isError ? readHeaders(readSpan(frame, members?.get("headers"))) : {},
    responseId:
      endings.has(type) || type === "response.created" ? readId(frame, members?.get("response")) : undefined,
  };
}

function isErrorStatus(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 400 && value < 600;
}

function readHeaders(headers: unknown): HeaderMap {
  if (!isObject(headers)) return {};
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === "string" || typeof value === "number" ? [[name.toLowerCase(), String(value)]] : [],
  );
  return Object.fromEntries(pairs);
}

function readId(frame: Buffer, span: { start: number; end: number } | undefined): string | undefined {
  if (span === undefined) return undefined;
  const response = frame.subarray(span.start, span.end);
  return readString(response, scanMembers(response, ["id"])?.get("id")) || undefined;
}

/**
 * `{"type":"codex.rate_limits","rate_limits":{"primary":{"used_percent","window_minutes","reset_at"},"secondary":…}}`, the same
 * figures as the `x-codex-*` headers (openai/codex, codex-api/src/rate_limits.rs). Other limits than the plan's have a name.
 */
function readWindows(frame: Buffer, now: number): Window[] {
  const event = parseJson(frame.toString("utf8"));
  const name = stringField(event, "metered_limit_name") ?? stringField(event, "limit_name");
  if (name !== undefined && name !== "codex") return [];
  const limits = objectField(event, "rate_limits");
  const headers: Record<string, string> = {};
  for (const place of ["primary", "secondary"]) {
    const window = fieldOf(limits, place);
    for (const [field, header] of figures) {
      const figure = numberField(window, field);
      if (figure !== undefined) headers[`x-codex-${place}-${header}`] = String(figure);
    }
  }
  return readOpenaiWindows(headers, now);
}

const figures = [
  ["used_percent", "used-percent"],
  ["window_minutes", "window-minutes"],
  ["reset_at", "reset-at"],
] as const;
