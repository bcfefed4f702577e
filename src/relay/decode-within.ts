// Decodes a request's body within the memory that all bodies share.

import { DecodeError, decodeBody, decodedCopies, decodingBytes } from "../coding/decoded.ts";
import { type Coding, parseCodings, windowsOf } from "../coding/decoder.ts";
import type { MemoryShare } from "./memory-budget.ts";

export interface DecodeWithin {
  /** The value of `content-encoding`. */
  encoding: string;
  maxBytes: number;
  /** Has the decoded body's bytes when this resolves. */
  share: MemoryShare;
}

/** Prompts shrink to a third or a tenth. What claims more gets its memory only when it has shown that it needs it. */
const usualRatio = 20;
/** A large body is tried with less first: the memory for what it might be is more than several of them are. */
const largeRatio = 4;
const minLargeBytes = 1024 * 1024;
const minGuessBytes = 256 * 1024;

function firstGuess(length: number): number {
  return length * (length >= minLargeBytes ? largeRatio : usualRatio) + minGuessBytes;
}

/** What decoding a body of so many bytes takes first, beside them; 0 for a coding that is not known. */
export function bytesToDecode(length: number, encoding: string): number {
  const guess = firstGuess(length);
  try {
    return guess * decodedCopies + windowsOf(parseCodings(encoding), guess);
  } catch {
    return 0;
  }
}

/** How many decoded bytes there is room for; see decodeReserved. */
function fittingInto(room: number, codings: readonly Coding[]): number {
  const beside = windowsOf(codings, 0);
  const allWindows = windowsOf(codings, Number.POSITIVE_INFINITY);
  const fitting = Math.max(
    (room - beside) / (decodedCopies + codings.length),
    (room - allWindows) / decodedCopies,
  );
  return Math.max(0, Math.floor(fitting));
}

/** Throws DecodeError, MemoryExhausted, and the reason of the share's signal. */
export async function decodeWithin(body: Buffer, options: DecodeWithin): Promise<Buffer> {
  const { maxBytes, share } = options;
  const codings = parseCodings(options.encoding);
  const limitBytes = Math.min(maxBytes, fittingInto(share.maxBytes - share.bytes, codings));
  for (const guess of new Set([firstGuess(body.length), body.length * usualRatio + minGuessBytes])) {
    if (guess >= limitBytes) break;
    const decoded = await decodeReserved(body, guess, options).catch(ignoreTooLarge);
    if (decoded !== undefined) return decoded;
  }
  return await decodeReserved(body, limitBytes, options);
}

async function decodeReserved(
  body: Buffer,
  maxBytes: number,
  { encoding, share }: DecodeWithin,
): Promise<Buffer> {
  const reserved = decodingBytes(body, parseCodings(encoding), maxBytes);
  let kept = 0;
  await share.grow(reserved);
  try {
    const decoded = await decodeBody(body, encoding, maxBytes);
    kept = decoded.length;
    return decoded;
  } finally {
    share.shrink(reserved - kept);
  }
}

function ignoreTooLarge(error: unknown): undefined {
  if (error instanceof DecodeError && error.reason === "too-large") return undefined;
  throw error;
}
