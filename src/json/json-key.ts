// Compares a JSON string with a name, byte by byte and with its escapes, without making a string of it.

/** Whether the string from its opening quote to behind its closing one spells this name, with escapes or without. */
export function isKey(body: Buffer, start: number, end: number, name: string): boolean {
  let at = start + 1;
  // An escape takes up to six bytes for one letter.
  if (end - 1 - at < name.length || end - 1 - at > name.length * 6) return false;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (body[at] === code && code !== backslash) at++;
    else if (body[at] === backslash && at + 1 < end - 1) {
      const length = body[at + 1] === lowerU ? 6 : 2;
      if (escapedCode(body, at) !== code) return false;
      at += length;
    } else return false;
  }
  return at === end - 1;
}

const lowerU = 0x75;

/** The character that the escape here means; nothing that equals a letter for any beyond Latin-1. */
function escapedCode(body: Buffer, at: number): number {
  if (body[at + 1] !== lowerU) return simpleEscapes.get(body[at + 1]!) ?? -1;
  if (body[at + 2] !== 0x30 || body[at + 3] !== 0x30) return -1;
  return hexDigit(body[at + 4]!) * 16 + hexDigit(body[at + 5]!);
}

/** NaN for what is no digit. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
}

const simpleEscapes: ReadonlyMap<number, number> = new Map(
  Object.entries({ '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }).map(
    ([letter, meant]) => [letter.charCodeAt(0), meant.charCodeAt(0)],
  ),
);

const backslash = 0x5c;
