// Reading what came back, whatever it is: what a status alone means, and bodies that should be JSON and may be a web page.

import type { HeaderMap } from "../call.ts";
import type { Failure } from "../failure.ts";
import { reasonFrom } from "./reason.ts";
import { headerValue } from "./retry-after.ts";
import type { ReplyHead } from "./upstream.ts";

/** A page of Cloudflare or of a company's proxy: the API itself never answers with one. */
export function isWebPage(head: ReplyHead, body: string): boolean {
  return (
    /\bhtml\b/i.test(headerValue(head.headers, "content-type") ?? "") || /^\s*<(?:!doctype|html)/i.test(body)
  );
}

/** What every provider means by a status, where its own words say no more. `until` is for missing capacity. */
export function classifyStatusAlone(
  status: number,
  { reason, until }: { reason: string; until: number | undefined },
): Failure {
  switch (status) {
    case 402:
      return { kind: "account-out", reason };
    case 501:
    case 505:
      return { kind: "rejected", status, reason };
    case 503:
    case 529:
      return { kind: "capacity", until, reason };
  }
  return status < 500 ? { kind: "rejected", status, reason } : { kind: "server-error", status, reason };
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
export function isEventStream(headers: HeaderMap, asked = false): boolean {
  const type = headerValue(headers, "content-type")?.toLowerCase();
  if (type === undefined) return asked;
  if (type.startsWith("text/event-stream")) return true;
  return type.startsWith("application/json") ? false : asked;
}
