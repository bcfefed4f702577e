// The thread's side of conversion-thread.ts: one body in, one answer out.

import { parentPort } from "node:worker_threads";
import { convertBody } from "./conversion.ts";
import type { ThreadAnswer } from "./conversion-thread.ts";
import { InvalidChatRequest } from "./invalid.ts";

parentPort?.on("message", (bytes: Uint8Array) => {
  const answer = convert(bytes);
  parentPort?.postMessage(answer, answer.ok ? [answer.converted.bytes.buffer as ArrayBuffer] : []);
});

function convert(bytes: Uint8Array): ThreadAnswer {
  try {
    const converted = convertBody(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    // Memory of its own: a buffer of Node's pool cannot be given away.
    return { ok: true, converted: { ...converted, bytes: new Uint8Array(converted.bytes) } };
  } catch (error) {
    if (error instanceof InvalidChatRequest) {
      const { param, message, apiCode } = error;
      return { ok: false, refusal: { param, message, apiCode } };
    }
    return { ok: false, fault: String(error instanceof Error ? error.stack : error) };
  }
}
