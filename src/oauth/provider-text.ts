// Cleans a provider's text for a sentence, a log line and a terminal.

import { replaceControls } from "../text/control-characters.ts";
import { redact } from "../text/redact.ts";

/** On one line, without secrets, control characters and a final full stop, and not longer than it helps. */
export function oneLine(text: string, maxLength = 200): string {
  const line = replaceControls(redact(text)).replace(/\s+/g, " ").trim().replace(/\.$/, "");
  return line.length > maxLength ? `${line.slice(0, maxLength)}…` : line;
}
