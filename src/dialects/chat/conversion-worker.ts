// The thread's side of conversion-thread.ts: a body in parts in, one answer out.

import { parentPort } from "node:worker_threads";
import { convertBody } from "./conversion.ts";
import type { ThreadAnswer, ThreadRequest } from "./conversion-thread.ts";
import { InvalidChatRequest } from "./invalid.ts";

let parts: Uint8Array[] = [];

parentPort?.on("message", ({ part, isLast }: ThreadRequest) => {
  parts.push(part);
  if (!isLast) return;
  const body = Buffer.concat(parts);
  parts = [];
  const answer = convert(body);
  parentPort?.postMessage(answer, answer.ok ? [answer.converted.bytes.buffer as ArrayBuffer] : []);
});

function convert(body: Buffer): ThreadAnswer {
  try {
    const converted = convertBody(body);
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
