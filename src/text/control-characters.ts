// Replaces control characters in foreign text: they move a cursor, recolour a terminal, end a row of a table, or
// turn the direction of the text around them. One rule for terminals, logs, CSV and columns in a pipe.

/**
 * C0 and C1 controls (ESC, U+009B), line and paragraph separators, and the bidirectional controls of Unicode TR 36 (U+202E),
 * each run of them replaced by one space, or each by what is given.
 */
export function replaceControls(text: string, replacement?: string): string {
  return replacement === undefined ? text.replace(runs, " ") : text.replace(single, replacement);
}

const single = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
const runs = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu;
