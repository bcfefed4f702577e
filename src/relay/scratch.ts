// Joins the pieces of a body for reading, in memory that is used again. Memory for each body anew would cost as much as
// relaying it: every page of it is touched for the first time, and the garbage collector runs twice as often.

import type { Body } from "../domain/call.ts";

/** The body in one piece. It may be overwritten by the next call: read it before anything else has its turn. */
export type Scratch = (body: Body) => Buffer;

/** Longer bodies are rare, and the memory would stay. */
const maxBytes = 4 * 1024 * 1024;
const leastBytes = 256 * 1024;

export function createScratch(): Scratch {
  let memory = Buffer.alloc(0);
  return (body) => {
    if (Buffer.isBuffer(body)) return body;
    const length = body.reduce((sum, piece) => sum + piece.length, 0);
    if (length > maxBytes) return Buffer.concat(body, length);
    if (length > memory.length) memory = Buffer.allocUnsafeSlow(roundUp(length));
    let at = 0;
    for (const piece of body) at += piece.copy(memory, at);
    return memory.subarray(0, length);
  };
}

/** Powers of two: conversations grow with every turn. */
function roundUp(length: number): number {
  return Math.max(leastBytes, 2 ** Math.ceil(Math.log2(length)));
}
