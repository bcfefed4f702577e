// Wraps a text into lines, between words.

import { displayWidth, truncate } from "./width.ts";

/** Lines of at most `width` columns; a word that is longer than a line is split. */
export function wrap(text: string, width: number, unicode = true): string[] {
  return breakLines(text, width).map((line) => truncate(line, width, unicode));
}

/** Lines of at most `width` columns where the words allow it: a longer word stays whole on a line of its own. */
export function breakLines(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && displayWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
