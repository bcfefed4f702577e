// Makes text that came out of a file safe to print: nothing that moves a terminal's cursor, nothing endless.

/**
 * The text with every character escaped that a terminal would act on or hide (controls, bidirectional marks, line and
 * paragraph separators, halves of surrogate pairs), cut with "…" after `limit` characters.
 */
export function printable(text: string, limit: number): string {
  const characters = Array.from(text.slice(0, limit * 2 + 2));
  const shown = characters.slice(0, limit).map(escapeCharacter).join("");
  return characters.length > limit ? `${shown}…` : shown;
}

const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

function escapeCharacter(character: string): string {
  if (!unprintable.test(character)) return character;
  return Array.from({ length: character.length }, (_, unit) => character.charCodeAt(unit))
    .map((code) => `\\u${code.toString(16).padStart(4, "0")}`)
    .join("");
}
