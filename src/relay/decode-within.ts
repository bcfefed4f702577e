// Decodes a request's body within the memory that all bodies share. What unfolds to more than was reserved for it takes its turn: several
// bodies that each have a part of the memory they need would wait for one another.

import { createDecoder, type Decoder, parseCodings, windowsOf } from "../coding/decoder.ts";
import { createGrowingBody } from "./growing-body.ts";
import type { MemoryShare } from "./memory-share.ts";

export interface DecodeWithin {
  /** The value of `content-encoding`. */
  encoding: string;
  maxBytes: number;
  /** Has the decoded body's bytes when this resolves. */
  share: MemoryShare;
  /** What is needed of memory beside a decoded body of so many bytes before it goes on: to convert it. */
  bytesAhead?: ((length: number) => number) | undefined;
}

/** Prompts shrink to a third or a tenth. What claims more gets its memory only when it has shown that it needs it. */
const usualRatio = 20;
/** Of a large body less is reserved: the memory for what it might be is more than several of them are. */
const largeRatio = 4;
const minLargeBytes = 1024 * 1024;
const minGuessBytes = 256 * 1024;

/** To how many bytes a body of so many will unfold, at most, if it is a usual one. */
export function usualLength(length: number): number {
  return length * (length >= minLargeBytes ? largeRatio : usualRatio) + minGuessBytes;
}

/** What decoding a usual body of so many bytes takes, beside them; 0 for a coding that is not known. */
export function bytesToDecode(length: number, encoding: string): number {
  const guess = usualLength(length);
  try {
    return guess + windowsOf(parseCodings(encoding), guess);
  } catch {
    return 0;
  }
}

/** Throws DecodeError, MemoryExhausted, and the reason of the share's signal. */
export async function decodeWithin(body: Buffer, options: DecodeWithin): Promise<Buffer> {
  const { encoding, share, bytesAhead } = options;
  if (share.aheadBytes === 0) await share.begin(0, bytesToDecode(body.length, encoding));
  const usual = await decodeHolding(body, options, holdReserved(share)).catch(ignoreUnusual);
  if (usual !== undefined) return usual;
  // A share that waits for its turn has no more than its body.
  share.endAhead();
  await share.takeTurn();
  try {
    const decoded = await decodeHolding(body, options, (bytes) => share.grow(bytes));
    await share.begin(0, bytesAhead?.(decoded.length) ?? 0);
    return decoded;
  } finally {
    share.endTurn();
  }
}

/** Takes so many bytes more of the share. */
type Hold = (bytes: number) => Promise<void> | undefined;

function holdReserved(share: MemoryShare): Hold {
  return (bytes) => {
    if (bytes > share.aheadBytes) throw new UnusualLength();
    return share.grow(bytes);
  };
}

/** The body unfolds to more than was reserved for it. */
class UnusualLength extends Error {}

function ignoreUnusual(error: unknown): undefined {
  if (!(error instanceof UnusualLength)) throw error;
}

async function decodeHolding(
  body: Buffer,
  { encoding, maxBytes, share }: DecodeWithin,
  hold: Hold,
): Promise<Buffer> {
  const output = createGrowingBody(maxBytes);
  let heldBytes = 0;
  const holdWith = (sliceBytes: number) => {
    const more = decoder.heldBytes + output.takenWith(sliceBytes) - heldBytes;
    if (more <= 0) return undefined;
    const held = () => {
      heldBytes += more;
    };
    const turn = hold(more);
    if (turn) return turn.then(held);
    held();
    return undefined;
  };
  const decoder: Decoder = createDecoder({
    codings: parseCodings(encoding),
    limits: { maxPieceBytes: maxBytes, maxTotalBytes: () => maxBytes },
    makeRoom: () => holdWith(0),
  });
  const take = (slice: Buffer) => {
    const turn = holdWith(slice.length);
    return turn ? turn.then(() => output.add(slice)) : output.add(slice);
  };
  let keptBytes = 0;
  try {
    await decoder.write(body, take);
    await decoder.end(take);
    const decoded = output.finish();
    keptBytes = decoded.length;
    return decoded;
  } catch (error) {
    output.free();
    throw error;
  } finally {
    decoder.destroy();
    share.shrink(heldBytes - keptBytes);
  }
}
