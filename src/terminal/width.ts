// Measures how many columns a text takes on a terminal, and shortens it to fewer.

import { replaceControls } from "../text/control-characters.ts";

/** Columns of a text without control characters or escape sequences. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const cluster of clusters(text)) width += clusterWidth(cluster);
  return width;
}

/** The text in at most `width` columns, its end replaced by `…` (or `...`) when it is longer. */
export function truncate(text: string, width: number, unicode = true): string {
  if (displayWidth(text) <= width) return text;
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

function* clusters(text: string): Iterable<string> {
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text))
    yield segment;
}

// Unicode Standard Annex 11: wide and fullwidth characters take two columns; so do emoji shown as pictures.
const wide =
  /^(?:\p{Emoji_Presentation}|.\uFE0F|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6])/u;
const invisible = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

function clusterWidth(cluster: string): number {
  if (invisible.test(cluster)) return 0;
  return wide.test(cluster) ? 2 : 1;
}
