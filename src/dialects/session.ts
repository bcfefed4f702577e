// Finds what identifies a conversation: session headers, or the text it begins with.

import { createHash } from "node:crypto";
import type { HeaderMap } from "../domain/call.ts";

/** In order of trust: Claude Code's own, Codex's in both spellings, then those of other agents. */
export const sessionHeaders: readonly string[] = [
  "x-claude-code-session-id",
  "session-id",
  "session_id",
  "x-session-id",
  "x-session-affinity",
];

/** The first session header that says something; undefined when none does. */
export function sessionFromHeaders(headers: HeaderMap): string | undefined {
  for (const name of sessionHeaders) {
    const value = headers[name];
    const text = (Array.isArray(value) ? value[0] : value)?.trim();
    if (text) return text;
  }
  return undefined;
}

/**
 * The identity of a conversation that names none: a hash of the text of system and first user message, which stay the same
 * over its turns. Undefined when there is no text at all.
 */
export function sessionFromText(texts: readonly string[]): string | undefined {
  if (texts.every((text) => text === "")) return undefined;
  const hash = createHash("sha256");
  // The length keeps ["ab", "c"] and ["a", "bc"] apart.
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return `text:${hash.digest("hex")}`;
}
