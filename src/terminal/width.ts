// Measures how many columns a text takes on a terminal, shortens it to fewer, and wraps it into lines.

import { replaceControls } from "../text/control-characters.ts";

/** Columns of a text without control characters or escape sequences. */
export function displayWidth(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const cluster of clusters(text)) width += clusterWidth(cluster);
  return width;
}

/** Of one column each. Line ends are among them only so that what should have none costs no more than other text. */
const plain = /^[\r\n\x20-\x7e]*$/;

/** The text in at most `width` columns, its end replaced by `…` (or `...`) when it is longer. Of a longer one no more is read than fits. */
export function truncate(text: string, width: number, unicode = true): string {
  if (text.length <= width && plain.test(text)) return text;
  const mark = unicode ? "…" : ".".repeat(Math.min(3, width));
  const room = width - displayWidth(mark);
  let kept = "";
  let used = 0;
  for (const cluster of clusters(text)) {
    used += clusterWidth(cluster);
    if (used <= room) kept += cluster;
    if (used > width) return width < 1 ? "" : kept.trimEnd() + mark;
  }
  return text;
}

/** Foreign text on one line: it must neither move the cursor nor recolour the terminal nor end a table row. */
export function singleLine(text: string): string {
  return replaceControls(text).trim();
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

function* clusters(text: string): Iterable<string> {
  for (const { segment } of segmenter.segment(text)) yield segment;
}

// Unicode Standard Annex 11: wide and fullwidth characters take two columns; so do emoji shown as pictures.
const wide =
  /^(?:\p{Emoji_Presentation}|.\uFE0F|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6])/u;
const invisible = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

function clusterWidth(cluster: string): number {
  if (invisible.test(cluster)) return 0;
  return wide.test(cluster) ? 2 : 1;
}

/** Lines of at most `width` columns; a word that is longer than a line is split. */
export function wrap(text: string, width: number, unicode = true): string[] {
  return breakLines(text, width).map((line) => truncate(line, width, unicode));
}

/** Lines of at most `width` columns where the words allow it: a longer word stays whole on a line of its own. */
export function breakLines(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const word of text.split(" ")) {
    const columns = displayWidth(word);
    if (line === "") {
      line = word;
      used = columns;
    } else if (used + 1 + columns > width) {
      lines.push(line);
      line = word;
      used = columns;
    } else {
      line += ` ${word}`;
      used += 1 + columns;
    }
  }
  return [...lines, line];
}
