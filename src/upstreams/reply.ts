// Reading what came back, whatever it is: bodies that should be JSON and may be a proxy's web page.

import type { HeaderMap } from "../call.ts";
import { reasonFrom } from "./reason.ts";
import { headerValue } from "./retry-after.ts";
import type { ReplyHead } from "./upstream.ts";

/** The parsed body; undefined when it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A page of Cloudflare or of a company's proxy: the API itself never answers with one. */
export function isWebPage(head: ReplyHead, body: string): boolean {
  return (
    /\bhtml\b/i.test(headerValue(head.headers, "content-type") ?? "") || /^\s*<(?:!doctype|html)/i.test(body)
  );
}

/** What to call a failure whose body holds no error in the API's form. */
export function describeReply(head: ReplyHead, body: string): string {
  const status = `the provider answered with status ${head.status}`;
  if (isWebPage(head, body)) {
    const title = /<title[^>]*>([^<]{1,120})/i.exec(body)?.[1];
    return reasonFrom([title && `${status} and the web page "${title.trim()}"`], `${status} and a web page`);
  }
  // Unreadable JSON would only be noise.
  return reasonFrom([/^\s*[{[]/.test(body) ? undefined : body], status);
}

/** Whether a stream came back: the answer's own word, else what was asked for. */
export function isEventStream(headers: HeaderMap, asked: boolean): boolean {
  const type = headerValue(headers, "content-type")?.toLowerCase();
  if (type === undefined) return asked;
  if (type.startsWith("text/event-stream")) return true;
  return type.startsWith("application/json") ? false : asked;
}

export function objectField(value: unknown, name: string): Record<string, unknown> | undefined {
  const field = fieldOf(value, name);
  return isRecord(field) ? field : undefined;
}

export function stringField(value: unknown, name: string): string | undefined {
  const field = fieldOf(value, name);
  return typeof field === "string" && field !== "" ? field : undefined;
}

export function numberField(value: unknown, name: string): number | undefined {
  const field = fieldOf(value, name);
  return typeof field === "number" && Number.isFinite(field) ? field : undefined;
}

export function listField(value: unknown, name: string): readonly unknown[] {
  const field = fieldOf(value, name);
  return Array.isArray(field) ? field : [];
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fieldOf(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
