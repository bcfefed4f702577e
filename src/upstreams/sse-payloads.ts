// Reads the payloads out of an event stream of Google's, cut anywhere: the joined `data:` lines of each event, and what
// stands between events without being one, since errors in mid-stream come as bare JSON too.

import { createGrowingBuffer } from "./growing-buffer.ts";

export interface PayloadReader {
  /** The payloads that the chunk completed. */
  push(chunk: Buffer): Buffer[];
  /** The last payload, when no blank line ended it. */
  end(): Buffer[];
}

export interface PayloadLimits {
  /** Of one event, in bytes. */
  most: number;
  overflow(): Error;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const newline = Buffer.from("\n");

export function createPayloadReader({ most, overflow }: PayloadLimits): PayloadReader {
  const line = createGrowingBuffer(most, overflow);
  const data = createGrowingBuffer(most, overflow);
  const bare = createGrowingBuffer(most, overflow);
  /** A line ended with a carriage return: a line feed right after it belongs to it. */
  let endedByReturn = false;

  function endLine(bytes: Buffer): Buffer[] {
    if (bytes.length === 0) return dispatch();
    const field = fieldOf(bytes);
    if (field === "data") {
      if (data.length > 0) data.append(newline);
      data.append(bytes.subarray(bytes[5] === space ? 6 : 5));
    } else if (field === "none") {
      bare.append(bytes);
      bare.append(newline);
    }
    return [];
  }

  function dispatch(): Buffer[] {
    return [data, bare].filter((one) => one.length > 0).map((one) => one.take());
  }

  return {
    push(chunk) {
      const payloads: Buffer[] = [];
      const hasReturns = chunk.includes(carriageReturn);
      let from = 0;
      while (from < chunk.length) {
        if (endedByReturn) {
          endedByReturn = false;
          if (chunk[from] === lineFeed) {
            from++;
            continue;
          }
        }
        const end = lineEnd(chunk, from, hasReturns);
        if (end === -1) {
          line.append(chunk.subarray(from));
          break;
        }
        line.append(chunk.subarray(from, end));
        endedByReturn = chunk[end] === carriageReturn;
        payloads.push(...endLine(line.take()));
        from = end + 1;
      }
      return payloads;
    },
    end() {
      if (line.length > 0) endLine(line.take());
      return dispatch();
    },
  };
}

function lineEnd(chunk: Buffer, from: number, hasReturns: boolean): number {
  const feed = chunk.indexOf(lineFeed, from);
  if (!hasReturns) return feed;
  const back = (feed === -1 ? chunk : chunk.subarray(0, feed)).indexOf(carriageReturn, from);
  return back === -1 ? feed : back;
}

/** `other` is a comment or a field that carries nothing; `none` is no line of an event stream at all. */
function fieldOf(line: Buffer): "data" | "other" | "none" {
  const name = /^(?:data|event|id|retry)(?=:|$)|^:/.exec(line.toString("latin1", 0, 8))?.[0];
  if (name === undefined) return "none";
  return name === "data" ? "data" : "other";
}
