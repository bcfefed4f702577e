// Measures how many columns a text takes on a terminal, shortens it to fewer, and wraps it into lines.

import { replaceControls } from "../text/control-characters.ts";

/** Columns of a text without control characters or escape sequences. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = text.length;
  // The character before may belong to the first cluster.
  for (const [run] of text.matchAll(/[\x20-\x7e]?[^\x20-\x7e]+/g)) {
    width -= run.length;
    for (const cluster of clusters(run)) width += clusterWidth(cluster);
  }
  return width;
}

/** The text in at most `width` columns, its end replaced by `…` (or `...`) when it is longer. */
export function truncate(text: string, width: number, unicode = true): string {
  // Plain characters take a column each: what begins with more of them than there is room for need not be measured.
  const isLong = /^[\x20-\x7e]*$/.test(text.slice(0, width + 1)) && text.length > width;
  if (!isLong && displayWidth(text) <= width) return text;
  const mark = unicode ? "…" : ".".repeat(Math.min(3, width));
  let kept = "";
  let used = displayWidth(mark);
  for (const cluster of clusters(text)) {
    used += clusterWidth(cluster);
    if (used > width) break;
    kept += cluster;
  }
  return width < 1 ? "" : kept.trimEnd() + mark;
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
