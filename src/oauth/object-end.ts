// Finds the end of a JSON object in an answer that comes in pieces, looking at each byte once.

export interface ObjectEnd {
  /** Whether the piece ended the first object of the answer. True once at most. */
  push(piece: Uint8Array): boolean;
}

const [quote, backslash, open, close] = [0x22, 0x5c, 0x7b, 0x7d];

export function createObjectEnd(): ObjectEnd {
  let depth = 0;
  let inString = false;
  let isEscaped = false;
  let isOver = false;
  function step(byte: number): boolean {
    if (isEscaped) isEscaped = false;
    else if (inString) {
      if (byte === backslash) isEscaped = true;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === open) depth++;
    else if (byte === close) return --depth === 0;
    return false;
  }
  return {
    push(piece) {
      if (isOver) return false;
      for (const byte of piece) {
        if (!step(byte)) continue;
        isOver = true;
        return true;
      }
      return false;
    },
  };
}
