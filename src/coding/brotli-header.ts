// How much a brotli stream has unfolded before any of it comes out, by its first bytes (RFC 7932, sections 9.1 and 9.2). Decoders fill
// their window with the first block before they give any of it away: 300 bytes take 16 MB at once.

/** So many bytes say it. */
export const brotliHeaderBytes = 5;

/** Of the stream's first block. Later ones are not known before they are there. */
export function brotliBytesAhead(header: Buffer): number {
  const read = createBitReader(header);
  const windowBytes = 2 ** readWindowBits(read) - 16;
  return Math.min(windowBytes, readBlockLength(read));
}

type ReadBits = (count: number) => number;

/** The lowest bit of each byte comes first. */
function createBitReader(bytes: Buffer): ReadBits {
  let at = 0;
  return (count) => {
    let value = 0;
    for (let bit = 0; bit < count; bit++, at++) {
      if (((bytes[at >> 3] ?? 0) >> (at & 7)) & 1) value += 2 ** bit;
    }
    return value;
  };
}

function readWindowBits(read: ReadBits): number {
  if (read(1) === 0) return 16;
  const large = read(3);
  if (large !== 0) return 17 + large;
  const small = read(3);
  return small === 0 ? 17 : 8 + small;
}

function readBlockLength(read: ReadBits): number {
  const isLast = read(1) === 1;
  if (isLast && read(1) === 1) return 0;
  const nibbles = 4 + read(2);
  // A block of metadata, which unfolds to nothing.
  if (nibbles === 7) return 0;
  return read(4 * nibbles) + 1;
}
