// The thread's side of conversion-thread.ts: a body in parts in, one answer out. Megabytes are allocated and let go here with every
// body. What would come from malloc comes from V8's pages instead, since malloc keeps what it was given.

import { StringDecoder } from "node:string_decoder";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parentPort } from "node:worker_threads";
import { freeBuffer } from "../../domain/body-memory.ts";
import { RelayError, stackOf } from "../../domain/errors.ts";
import { type AnswerOptions, createChatAnswer } from "./answer.ts";
import { convertText } from "./conversion.ts";
import type { ThreadAnswer, ThreadRequest } from "./conversion-thread.ts";
import { InvalidChatRequest } from "./invalid.ts";

/** The conversion of one body. Both may throw. */
interface Work {
  /** The part is freed behind it. */
  take(part: Buffer): void;
  finish(): ThreadAnswer;
}

let work: Work | undefined;
let failure: ThreadAnswer | undefined;
let size = 0;

parentPort?.on("message", ({ part, isLast, answer: options }: ThreadRequest) => {
  size += part.length;
  let answer: ThreadAnswer | undefined;
  try {
    work ??= options ? convertAnswer(options) : convertRequest();
    if (!failure) work.take(Buffer.from(part.buffer, part.byteOffset, part.length));
    if (isLast && !failure) answer = work.finish();
  } catch (error) {
    failure = failureOf(error);
  }
  freeBuffer(part);
  if (!isLast) return;
  answer ??= failure;
  const isLarge = size >= minCollectedBytes;
  work = undefined;
  failure = undefined;
  size = 0;
  parentPort?.postMessage(answer, answer?.ok ? [bytesOf(answer).buffer as ArrayBuffer] : []);
  // When this call no longer holds the strings.
  if (isLarge) setImmediate(giveBack);
});

function convertRequest(): Work {
  const decoder = new StringDecoder("utf8");
  let text = "";
  return {
    take(part) {
      // Strings of a part's size are on V8's heap; a string of the whole would be malloc's.
      text += decoder.write(part);
    },
    finish() {
      const { json, facts } = convertText(text + decoder.end());
      return { ok: true, converted: { ...facts, bytes: encode(json) } };
    },
  };
}

function convertAnswer(options: AnswerOptions): Work {
  const transform = createChatAnswer(options);
  let text = "";
  return {
    take(part) {
      text += transform.push(part);
    },
    finish: () => ({ ok: true, bytes: encode(text + transform.end()) }),
  };
}

function failureOf(error: unknown): ThreadAnswer {
  if (error instanceof InvalidChatRequest) {
    const { param, message, apiCode } = error;
    return { ok: false, refusal: { param, message, apiCode } };
  }
  if (error instanceof RelayError) {
    const { code, message } = error;
    return { ok: false, relayError: { code, message } };
  }
  return { ok: false, fault: stackOf(error) };
}

/** Into memory of its own, to be given away; a buffer that can be resized is made of pages. */
function encode(json: string): Uint8Array {
  const length = Buffer.byteLength(json);
  const bytes = Buffer.from(new ArrayBuffer(length, { maxByteLength: length }), 0, length);
  bytes.write(json);
  return bytes;
}

function bytesOf(answer: ThreadAnswer & { ok: true }): Uint8Array {
  return "bytes" in answer ? answer.bytes : answer.converted.bytes;
}

/** V8 would wait for tens of megabytes. This thread has nothing else to do. */
const minCollectedBytes = 1024 * 1024;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

function giveBack(): void {
  collectGarbage();
  if (process.platform !== "linux") return;
  // JSON.stringify writes into malloc's memory. glibc gives back the end of what a thread has only when more is free there than the
  // largest block of its own that was ever freed, twice: with these blocks it is. Nothing is written into them.
  const blocks = Array.from({ length: 12 }, () => Buffer.allocUnsafeSlow(blockBytes));
  for (const block of blocks) freeBuffer(block);
}

/** Smaller than what malloc takes from the system in a piece, as far as that has been seen (7 MB and more). */
const blockBytes = 4 * 1024 * 1024 - 8192;
