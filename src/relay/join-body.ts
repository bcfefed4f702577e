// Joins the pieces of a body: usual ones for reading, in memory that is used again, large ones a little in each turn of the loop.

import { setImmediate as nextTurn } from "node:timers/promises";
import { type Body, bodyBytes } from "../domain/call.ts";
import type { MemoryShare } from "./memory-share.ts";

/** The body in one piece. It may be overwritten by the next call: read it before anything else has its turn. */
export type Scratch = (body: Body) => Buffer;

/** Longer bodies are rare, and the memory would stay. */
const maxScratchBytes = 4 * 1024 * 1024;
const minScratchBytes = 256 * 1024;

/**
 * Memory for each body anew would cost as much as relaying it: every page of it is touched for the first time, and the garbage
 * collector runs twice as often.
 */
export function createScratch(): Scratch {
  let memory = Buffer.alloc(0);
  return (body) => {
    if (Buffer.isBuffer(body)) return body;
    const length = body.reduce((sum, piece) => sum + piece.length, 0);
    if (length > maxScratchBytes) return Buffer.concat(body, length);
    if (length > memory.length) memory = Buffer.allocUnsafeSlow(roundUp(length));
    let at = 0;
    for (const piece of body) at += piece.copy(memory, at);
    return memory.subarray(0, length);
  };
}

/** Powers of two: conversations grow with every turn. */
function roundUp(length: number): number {
  return Math.max(minScratchBytes, 2 ** Math.ceil(Math.log2(length)));
}

const bytesPerTurn = 1024 * 1024;

/**
 * Copying 50 MB at once takes a tenth of a second, in which nobody else is served. What scratch memory holds stays in pieces. While it
 * is joined a body is there twice, and the share has both; rejects as it does.
 */
export async function joinLargeBody(body: Body, share: MemoryShare): Promise<Body> {
  const length = bodyBytes(body);
  if (Buffer.isBuffer(body) || length <= maxScratchBytes) return body;
  await share.grow(length);
  const whole = Buffer.allocUnsafeSlow(length);
  let at = 0;
  let turnEndsAt = bytesPerTurn;
  for (const piece of body) {
    at += piece.copy(whole, at);
    if (at < turnEndsAt) continue;
    turnEndsAt = at + bytesPerTurn;
    await nextTurn();
  }
  share.shrink(length);
  return whole;
}
