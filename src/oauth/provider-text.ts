// Makes a provider's words fit for a sentence, a log line and a terminal.

import { redact } from "../redact.ts";

/** On one line, without secrets, control characters and a final full stop, and not longer than it helps. */
export function oneLine(text: string, longest = 200): string {
  const line = redact(text)
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim()
    .replace(/\.$/, "");
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}
