// Joins the pieces of a large body, a little in each turn of the loop: copying 50 MB at once takes a tenth of a second,
// in which nobody else is served.

import { setImmediate as nextTurn } from "node:timers/promises";
import { type Body, bodyBytes } from "../domain/call.ts";

/** Smaller ones are joined where they are read, in memory that is used again; see scratch.ts. */
const minBytes = 4 * 1024 * 1024;
const bytesPerTurn = 1024 * 1024;

export async function joinLargeBody(body: Body): Promise<Body> {
  const length = bodyBytes(body);
  if (Buffer.isBuffer(body) || length <= minBytes) return body;
  const whole = Buffer.allocUnsafeSlow(length);
  let at = 0;
  let turnEndsAt = bytesPerTurn;
  for (const piece of body) {
    at += piece.copy(whole, at);
    if (at < turnEndsAt) continue;
    turnEndsAt = at + bytesPerTurn;
    await nextTurn();
  }
  return whole;
}
