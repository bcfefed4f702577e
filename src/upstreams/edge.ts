// Recognises the page of a firewall or proxy in front of a provider: it refuses the address or the request, never
// the account, and the API itself has not seen the request.

import type { ReplyHead } from "../account-kinds/upstream.ts";
import type { HeaderMap } from "../domain/call.ts";
import type { Failure } from "../domain/failure.ts";
import { fieldOf, parseErrorJson, stringField } from "../json/json-values.ts";
import { headerValue } from "../network/retry-after.ts";
import { firstWords } from "./reason.ts";

/** A page of Cloudflare or of a company's proxy: no API answers with one. */
export function isWebPage({ headers }: ReplyHead, body: string): boolean {
  if (/\bhtml\b/i.test(headerValue(headers, "content-type") ?? "")) return true;
  return /^\s*<(?:!doctype|html|head|!--|\?xml)/i.test(firstWords(body));
}

/** The statuses with which an edge refuses; with others (413, 502, 520 …) its page says no more than the status does. */
const refusing: ReadonlySet<number> = new Set([401, 403, 429, 503, 529]);

/** Whether something in front of the API wrote the answer, also where it only says that the API is out of reach. */
export function isOfEdge(head: ReplyHead, body: string): boolean {
  return isWebPage(head, body) || isCloudflare(head.headers, body);
}

/** Undefined when the answer is the provider's own. */
export function readEdgeRefusal(
  head: ReplyHead,
  body: string,
  reason: string,
): (Failure & { kind: "edge-refused" }) | undefined {
  if (!refusing.has(head.status)) return undefined;
  if (!isOfEdge(head, body)) return undefined;
  return { kind: "edge-refused", status: head.status, ray: readRay(head.headers, body), reason };
}

/** Cloudflare's forms for programs: a challenge that only a browser can take, one line of text, or problem+json. */
function isCloudflare(headers: HeaderMap, body: string): boolean {
  if (headerValue(headers, "cf-mitigated") !== undefined) return true;
  const text = firstWords(body);
  if (/^\s*error code: (?:1\d{3}|5\d\d)\b/i.test(text)) return true;
  return text.includes('"cloudflare_error"') && fieldOf(parseErrorJson(body), "cloudflare_error") === true;
}

/** The id by which Cloudflare's customer can find the refusal. */
function readRay(headers: HeaderMap, body: string): string | undefined {
  const given = headerValue(headers, "cf-ray") ?? stringField(smallJson(body), "ray_id");
  const ray = given ?? /\bray id: ?(?:<[a-z]{1,10}[^<>]{0,80}>)? ?([0-9a-f]{16})\b/i.exec(rayPart(body))?.[1];
  return ray !== undefined && /^[0-9a-z-]{8,40}$/i.test(ray) ? ray : undefined;
}

function smallJson(body: string): unknown {
  return body.startsWith("{") ? parseErrorJson(body) : undefined;
}

/** It is at the end of pages that may be long. */
function rayPart(body: string): string {
  const at = body.lastIndexOf("Ray ID");
  return at === -1 ? "" : body.slice(at, at + 200);
}
