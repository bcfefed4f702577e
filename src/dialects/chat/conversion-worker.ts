// The thread's side of conversion-thread.ts: a body in parts in, one answer out. Megabytes are allocated and let go here with every
// body. What would come from malloc comes from V8's pages instead, since malloc keeps what it was given.

import { StringDecoder } from "node:string_decoder";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parentPort } from "node:worker_threads";
import { freeBuffer } from "../../domain/body-memory.ts";
import { convertText } from "./conversion.ts";
import type { ThreadAnswer, ThreadRequest } from "./conversion-thread.ts";
import { InvalidChatRequest } from "./invalid.ts";

const decoder = new StringDecoder("utf8");
let text = "";

parentPort?.on("message", ({ part, isLast }: ThreadRequest) => {
  // Strings of a part's size are on V8's heap; a string of the whole would be malloc's.
  text += decoder.write(part as Buffer);
  freeBuffer(part);
  if (!isLast) return;
  const whole = text + decoder.end();
  text = "";
  const answer = convert(whole);
  parentPort?.postMessage(answer, answer.ok ? [answer.converted.bytes.buffer as ArrayBuffer] : []);
  // When this call no longer holds the strings.
  if (whole.length >= minCollectedLength) setImmediate(collectGarbage);
});

function convert(body: string): ThreadAnswer {
  try {
    const { json, facts } = convertText(body);
    return { ok: true, converted: { ...facts, bytes: encode(json) } };
  } catch (error) {
    if (error instanceof InvalidChatRequest) {
      const { param, message, apiCode } = error;
      return { ok: false, refusal: { param, message, apiCode } };
    }
    return { ok: false, fault: String(error instanceof Error ? error.stack : error) };
  }
}

/** Into memory of its own, to be given away; a buffer that can be resized is made of pages. */
function encode(json: string): Uint8Array {
  const length = Buffer.byteLength(json);
  const bytes = Buffer.from(new ArrayBuffer(length, { maxByteLength: length }), 0, length);
  bytes.write(json);
  return bytes;
}

/** V8 would wait for tens of megabytes. This thread has nothing else to do. */
const minCollectedLength = 1024 * 1024;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
