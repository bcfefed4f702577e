// Measures how many columns a text takes on a terminal, shortens it to fewer, and wraps it into lines.

import { replaceControls } from "../text/control-characters.ts";

/** Columns of a text without control characters or escape sequences. */
export function displayWidth(text: string): number {
  return plain.test(text) ? text.length : widthOf(text, 0, text.length);
}

/** Of one column each. Line ends are among them only so that what should have none costs no more than other text. */
const plain = /^[\r\n\x20-\x7e]*$/;

function widthOf(text: string, start: number, end: number): number {
  const walk = new ColumnWalk();
  let width = 0;
  for (let at = start; at < end; ) {
    const point = text.codePointAt(at)!;
    width += walk.take(point);
    at += point > 0xffff ? 2 : 1;
  }
  return width;
}

/** The text in at most `width` columns, its end replaced by `…` (or `...`) when it is longer. Of a longer one no more is read than fits. */
export function truncate(text: string, width: number, unicode = true): string {
  if (text.length <= width && plain.test(text)) return text;
  const mark = unicode ? "…" : ".".repeat(Math.min(3, width));
  const room = width - displayWidth(mark);
  const walk = new ColumnWalk();
  let kept = 0;
  let used = 0;
  for (let at = 0; at < text.length; ) {
    const point = text.codePointAt(at)!;
    const columns = walk.take(point);
    if (!walk.isInside && used <= room) kept = at;
    used += columns;
    if (used > width) return width < 1 ? "" : text.slice(0, kept).trimEnd() + mark;
    at += point > 0xffff ? 2 : 1;
  }
  return text;
}

/** Foreign text on one line: it must neither move the cursor nor recolour the terminal nor end a table row. */
export function singleLine(text: string): string {
  return replaceControls(text).trim();
}

/** What a code point is to the columns of a text. */
const kinds = { joining: 0, narrow: 1, wide: 2, regional: 3, jamo: 4, narrowPicture: 5, widePicture: 6 };

// Unicode Standard Annex 11: wide and fullwidth characters take two columns; so do emoji shown as pictures.
const wide =
  /^(?:\p{Emoji_Presentation}|(?![\uFF61-\uFFDC])[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6])$/u;
const joining = /^[\p{M}\p{Cf}\p{Emoji_Modifier}]$/u;
/** Vowels and final consonants, which are written into the syllable before them. */
const jamo = /^[\u1160-\u11FF\uD7B0-\uD7FB]$/;
const zeroWidthJoiner = 0x200d;
const pictureSelector = 0xfe0f;

/** Kinds of 256 code points each, found when they are first needed. */
const pages = new Map<number, Uint8Array>();

function kindOf(point: number): number {
  let page = pages.get(point >> 8);
  if (page === undefined) {
    const first = point & ~0xff;
    page = Uint8Array.from({ length: 256 }, (_, index) => findKind(String.fromCodePoint(first + index)));
    pages.set(point >> 8, page);
  }
  return page[point & 0xff]!;
}

function findKind(character: string): number {
  if (joining.test(character)) return kinds.joining;
  if (/^\p{Regional_Indicator}$/u.test(character)) return kinds.regional;
  if (jamo.test(character)) return kinds.jamo;
  const isPicture = /^\p{Extended_Pictographic}$/u.test(character);
  if (wide.test(character)) return isPicture ? kinds.widePicture : kinds.wide;
  return isPicture ? kinds.narrowPicture : kinds.narrow;
}

/** Columns of one code point after another. What people see as one character (Unicode Standard Annex 29) takes those of its first one. */
class ColumnWalk {
  /** The code point taken last belongs to the character before it. */
  isInside = false;
  #isFirst = true;
  #kind = kinds.joining;
  #columns = 0;
  #joinsPicture = false;

  take(point: number): number {
    const before = this.#kind;
    const kind = point >= 0x20 && point < 0x7f ? kinds.narrow : kindOf(point);
    const isPicture = kind >= kinds.narrowPicture;
    this.isInside =
      !this.#isFirst &&
      (kind === kinds.joining ||
        (kind === kinds.regional && before === kinds.regional) ||
        (kind === kinds.jamo && (before === kinds.wide || before === kinds.jamo)) ||
        (isPicture && this.#joinsPicture));
    this.#isFirst = false;
    if (kind === kinds.joining) return this.#join(point);
    this.#joinsPicture = false;
    // A second regional indicator ends a flag: the next one begins another.
    this.#kind = this.isInside && kind === kinds.regional ? kinds.joining : kind;
    if (this.isInside) return 0;
    this.#columns = kind === kinds.narrow || kind === kinds.narrowPicture ? 1 : 2;
    return this.#columns;
  }

  #join(point: number): number {
    this.#joinsPicture = point === zeroWidthJoiner && this.#kind >= kinds.narrowPicture;
    // Nothing but joins to nothing: a tone of skin alone is a picture.
    if (!this.isInside) return isSkinTone(point) ? 2 : 0;
    if (point !== pictureSelector || this.#columns !== 1) return 0;
    this.#columns = 2;
    return 1;
  }
}

function isSkinTone(point: number): boolean {
  return point >= 0x1f3fb && point <= 0x1f3ff;
}

/** Lines of at most `width` columns; a word that is longer than a line is split. */
export function wrap(text: string, width: number, unicode = true): string[] {
  return breakLines(text, width).map((line) => truncate(line, width, unicode));
}

/** Lines of at most `width` columns where the words allow it: a longer word stays whole on a line of its own. */
export function breakLines(text: string, width: number): string[] {
  const isPlain = plain.test(text);
  const lines: string[] = [];
  /** Where the line at hand begins and ends. */
  let start = 0;
  let end = 0;
  let used = 0;
  for (let at = 0; at <= text.length; ) {
    const space = text.indexOf(" ", at);
    const wordEnd = space < 0 ? text.length : space;
    const columns = isPlain ? wordEnd - at : widthOf(text, at, wordEnd);
    const isNew = start === end;
    if (isNew || used + 1 + columns > width) {
      if (!isNew) lines.push(text.slice(start, end));
      start = at;
      used = columns;
    } else {
      used += 1 + columns;
    }
    end = wordEnd;
    at = wordEnd + 1;
  }
  lines.push(text.slice(start, end));
  return lines;
}
