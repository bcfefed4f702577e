// Reading what came back, whatever it is: bodies that should be JSON and may be a proxy's web page.

import type { HeaderMap } from "../call.ts";
import { reasonFrom } from "./reason.ts";
import { headerValue } from "./retry-after.ts";
import type { ReplyHead } from "./upstream.ts";

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
