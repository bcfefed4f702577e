// Replaces control characters in foreign text: they move a cursor, recolour a terminal, end a row of a table, or
// turn the direction of the text around them. One rule for terminals, logs, CSV and columns in a pipe.

/**
 * C0 and C1 controls (ESC, U+009B), line and paragraph separators, and the bidirectional controls of Unicode TR 36 (U+202E),
 * each run of them replaced by one space, or each by what is given.
 */
export function replaceControls(text: string, replacement?: string): string {
  return replacement === undefined ? text.replace(runs, " ") : text.replace(single, replacement);
}

/** The same but for tabs and line breaks, which stay. */
export function replaceInlineControls(text: string, replacement: string): string {
  return text.replace(inline, replacement);
}

/** A document as JSON text, one line or indented by two. What acts on a terminal is escaped in it, and reads the same. */
export function toJsonText(document: unknown, { indented }: { indented: boolean }): string {
  return `${escapeControls(JSON.stringify(document, null, indented ? 2 : 0))}\n`;
}

/** JSON's own escapes end at U+001F. `json` is JSON text: there, the others stand in strings only. */
export function escapeControls(json: string): string {
  return json.replace(unescaped, (run) => {
    let escaped = "";
    for (let at = 0; at < run.length; at++)
      escaped += `\\u${run.charCodeAt(at).toString(16).padStart(4, "0")}`;
    return escaped;
  });
}

const unescaped = /[\u007f-\u009f\p{Bidi_Control}\u2028\u2029]+/gu;
const single = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
const inline = /(?![\t\r\n])[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
const runs = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu;
