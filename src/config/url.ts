// Which URLs a configuration may name, and the one spelling the rest of the program gets to see.

import type { Family } from "../family.ts";
import { isLoopbackHost } from "../network/loopback.ts";

/** What is wrong with a URL, as the rest of a sentence; undefined when it can be used. Never quotes it: it may hold a password. */
export function findUrlFault(text: string): string | undefined {
  if (!URL.canParse(text)) return "is no complete URL";
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return "is neither an https nor an http URL";
  if (!/^https?:\/\//i.test(text) || /[\s\p{Cc}\\]/u.test(text)) return "is no complete URL";
  if (url.username !== "" || url.password !== "") return "holds a user name or password";
  if (text.includes("?")) return "has a query (from ? on)";
  if (text.includes("#")) return "has a fragment (from # on)";
  if (url.protocol === "http:" && !isLoopbackHost(url.hostname)) {
    return "would send credentials unencrypted: plain http is for this machine (127.0.0.1) only";
  }
  return undefined;
}

/**
 * The base URL of a provider's API without trailing slash: `/v1`, `/v1beta` and the paths of single operations, which people copy
 * along, are taken off; OpenAI's keeps or gets its `/v1`. Expects a URL without fault.
 */
export function readApiUrl(text: string, family: Family): string {
  const url = new URL(text);
  const path = url.pathname.replace(/\/{2,}/g, "/").replace(/\/$/, "");
  const base = path.replace(/\/(?:v1beta|v1(?:\/(?:messages|responses|chat\/completions))?)$/, "");
  return `${url.origin}${base}${family === "openai" ? "/v1" : ""}`;
}
