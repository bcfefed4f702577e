// Puts an answer on a bare socket: the framing of its body, and the pieces in which the network delivers it.

import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How the end of a body is marked. */
export type Framing = "length" | "chunked" | "close";

/**
 * Where the network cuts: `between` the chunks of the body, `inside` each of them, inside a `code-point`, after every `byte`,
 * or nowhere (`coalesced`).
 */
export type NetworkCut = "between" | "inside" | "code-point" | "byte" | "coalesced";

export interface WireForm {
  framing: Framing;
  cut: NetworkCut;
  /** Pauses of so many milliseconds inside of the first chunk, and inside of one in the middle of the answer. */
  pauseMs: number;
  /** The system's when absent. */
  sleep?: (ms: number) => Promise<void>;
  /** So many of the last chunks are left out, and the framing says nothing of it. */
  dropsLast?: number;
}

export const framings: readonly Framing[] = ["length", "chunked", "close"];
export const networkCuts: readonly NetworkCut[] = ["between", "inside", "code-point", "byte", "coalesced"];

export interface WireAnswer {
  status: number;
  headers: Record<string, string | string[]>;
  /** The body, content-coded already; what the provider writes at once is one chunk. */
  chunks: readonly Buffer[];
}

/** Writes head and body and closes the connection; resolves when the kernel has everything, or the other side is gone. */
export async function writeWire(
  socket: Socket,
  answer: WireAnswer,
  form: WireForm,
): Promise<"ended" | "gone"> {
  socket.setNoDelay(true);
  const chunks = answer.chunks.filter((chunk) => chunk.length > 0);
  socket.write(headOf(answer, chunks, form.framing));
  const pieces = chunks.flatMap((chunk, index) => cutChunk(chunk, form, index === 0));
  if (form.framing === "chunked") pieces.push(Buffer.from("0\r\n\r\n"));
  const written = form.cut === "coalesced" ? [Buffer.concat(pieces)] : pieces;
  // Cut chunks have two pieces each: an odd place is in the middle of one.
  const pausedBefore = new Set([1, Math.floor(written.length / 4) * 2 + 1]);
  for (const [index, piece] of written.entries()) {
    if (form.pauseMs > 0 && pausedBefore.has(index)) await (form.sleep ?? sleep)(form.pauseMs);
    // Single bytes are many: several of them in one turn are still segments of their own.
    else if (form.cut !== "byte" || index % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (socket.destroyed) return "gone";
    if (!socket.write(piece)) await Promise.race([once(socket, "drain"), once(socket, "close")]);
  }
  socket.end();
  return "ended";
}

function headOf(answer: WireAnswer, chunks: readonly Buffer[], framing: Framing): string {
  const lines = Object.entries(answer.headers).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${one}`),
  );
  if (framing === "chunked") lines.push("transfer-encoding: chunked");
  if (framing === "length")
    lines.push(`content-length: ${chunks.reduce((sum, chunk) => sum + chunk.length, 0)}`);
  return `HTTP/1.1 ${answer.status} Scripted\r\n${lines.join("\r\n")}\r\nconnection: close\r\n\r\n`;
}

/** A chunk as it is framed, in the pieces in which it is delivered. The first is divided always where nothing else is asked for. */
function cutChunk(chunk: Buffer, { framing, cut }: WireForm, isFirst: boolean): Buffer[] {
  const [before, after] =
    framing === "chunked"
      ? [Buffer.from(`${chunk.length.toString(16)}\r\n`), Buffer.from("\r\n")]
      : [empty, empty];
  const framed = Buffer.concat([before, chunk, after]);
  if (cut === "coalesced") return [framed];
  if (cut === "byte") return Array.from(framed, (_, at) => framed.subarray(at, at + 1));
  if (cut === "between" && !isFirst) return [framed];
  const at = before.length + (cut === "code-point" ? insideCharacter(chunk) : Math.ceil(chunk.length / 2));
  return [framed.subarray(0, at), framed.subarray(at)].filter((piece) => piece.length > 0);
}

/** Inside the first character of several bytes; inside the chunk where there is none. */
function insideCharacter(chunk: Buffer): number {
  const at = chunk.findIndex((byte) => (byte & 0xc0) === 0x80);
  return at > 0 ? at : Math.ceil(chunk.length / 3);
}

const empty = Buffer.alloc(0);

function once(socket: Socket, event: "drain" | "close"): Promise<void> {
  return new Promise((resolve) => socket.once(event, () => resolve()));
}
