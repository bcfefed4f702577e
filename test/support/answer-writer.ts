// Puts one scripted answer on the wire: framing, compression, cutting into writes, delays and faults.

import type { ServerResponse } from "node:http";
import { Readable, type Transform } from "node:stream";
import { buffer } from "node:stream/consumers";
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import type { WireEvent } from "../../src/demo/provider/generation.ts";
import type { Behaviour, Delay, TruncationStyle } from "./behaviour.ts";
import type { ScriptedAnswer } from "./script.ts";
import { type WireForm, writeWire } from "./wire.ts";

/** One event (or one document) as bytes. */
interface Frame {
  bytes: Buffer;
  /** What it carries; undefined for framing only and for literal text. */
  data: unknown;
}

export interface WriteJob {
  response: ServerResponse;
  answer: ScriptedAnswer;
  behaviour: Behaviour;
  /** Resolves when the other side has gone. */
  gone: Promise<void>;
  /** Called when all bytes of an event were given to the kernel. */
  onSent(data: unknown): void;
  /** Called with every piece of the body that the kernel took, as it is coded. */
  onBytes(bytes: Buffer): void;
}

export type WriteResult = "ended" | "cut" | "gone";

/** Writes head and body; never rejects. */
export async function writeAnswer(job: WriteJob): Promise<WriteResult> {
  const { behaviour, answer, response } = job;
  if ((await pause(behaviour.headersAfter, job.gone)) === "gone") return "gone";
  const frames = encodeFrames(documentOrStream(job), behaviour.encoding);
  if (behaviour.wire !== undefined) return writeOnWire(job, frames, behaviour.wire);
  if (answer.form === "json" || behaviour.body !== undefined) return writeDocument(job, frames);

  response.writeHead(behaviour.status ?? 200, headersOf(job, streamType(answer)));
  response.flushHeaders();
  if ((await pause(behaviour.firstEventAfter, job.gone)) === "gone") return "gone";
  const sender = createSender(job);
  let number = 0;
  for await (const frame of frames) {
    if (behaviour.cut?.afterEvents !== undefined && number >= behaviour.cut.afterEvents)
      return resetConnection(job, sender);
    if (number > 0 && (await pause(behaviour.betweenEvents, job.gone)) === "gone") return "gone";
    if ((await pause(behaviour.gate?.(number), job.gone)) === "gone") return "gone";
    const result = await sender.send(frame);
    if (result === "gone") return "gone";
    if (result === "cut") return resetConnection(job, sender);
    number++;
  }
  if (behaviour.cut?.afterEvents !== undefined && number >= behaviour.cut.afterEvents)
    return resetConnection(job, sender);
  if ((await sender.flush()) !== "sent") return "gone";
  return finish(job);
}

async function writeDocument(job: WriteJob, frames: AsyncIterable<Frame>): Promise<WriteResult> {
  const all: Frame[] = [];
  for await (const frame of frames) all.push(frame);
  const length = all.reduce((sum, frame) => sum + frame.bytes.length, 0);
  const type = "application/json; charset=utf-8";
  const noBody = job.behaviour.cut === undefined && job.behaviour.status === 204;
  // A length would show that a clean end comes too early.
  const noLength = noBody || job.behaviour.cut?.how === "clean";
  job.response.writeHead(job.behaviour.status ?? job.answer.status ?? 200, {
    ...headersOf(job, type),
    ...(noLength ? {} : { "content-length": length }),
  });
  job.response.flushHeaders();
  if ((await pause(job.behaviour.firstEventAfter, job.gone)) === "gone") return "gone";
  const sender = createSender(job);
  for (const frame of all) {
    const result = await sender.send(frame);
    if (result === "gone") return "gone";
    if (result === "cut") return resetConnection(job, sender);
  }
  if ((await sender.flush()) !== "sent") return "gone";
  return finish(job);
}

/** On the bare socket, which is closed after it. Everything counts as sent, as no fault is played here. */
async function writeOnWire(
  job: WriteJob,
  frames: AsyncIterable<Frame>,
  form: WireForm,
): Promise<WriteResult> {
  const { answer, behaviour, response } = job;
  const { socket } = response;
  if (socket === null) return "gone";
  response.detachSocket(socket);
  const chunks: Buffer[] = [];
  for await (const { bytes, data } of frames) {
    chunks.push(bytes);
    if (data !== undefined) job.onSent(data);
  }
  if (form.dropsLast) chunks.splice(-form.dropsLast);
  job.onBytes(Buffer.concat(chunks));
  const type = answer.form === "json" ? "application/json" : streamType(answer);
  return writeWire(
    socket,
    { status: behaviour.status ?? answer.status ?? 200, headers: headersOf(job, type), chunks },
    form,
  );
}

function documentOrStream({ answer, behaviour }: WriteJob): Iterable<Frame> {
  if (behaviour.body !== undefined) {
    const array = answer.form === "json-array" && (behaviour.status ?? 200) >= 400;
    return [documentFrame(array ? [behaviour.body] : behaviour.body)];
  }
  if (answer.form === "json") return [documentFrame(answer.document)];
  const newline = behaviour.newline ?? answer.newline;
  const events = answer.events ?? [];
  return answer.form === "sse" ? sseFrames(events, newline) : arrayFrames(events);
}

function documentFrame(body: unknown): Frame {
  if (Buffer.isBuffer(body)) return { bytes: body, data: undefined };
  if (typeof body === "string") return { bytes: Buffer.from(body), data: undefined };
  return { bytes: Buffer.from(JSON.stringify(body)), data: body };
}

function* sseFrames(events: Iterable<WireEvent>, newline: string): Generator<Frame> {
  for (const event of events) {
    if (typeof event === "string") {
      yield { bytes: Buffer.from(event), data: undefined };
      continue;
    }
    const name = event.name === undefined ? "" : `event: ${event.name}${newline}`;
    const text = `${name}data: ${JSON.stringify(event.data)}${newline}${newline}`;
    yield { bytes: Buffer.from(text), data: event.data };
  }
}

/** Google writes `[{…}`, then `,\r\n{…}` for each further one, then `]`. */
function* arrayFrames(events: Iterable<WireEvent>): Generator<Frame> {
  let opening = "[";
  for (const event of events) {
    if (typeof event === "string") yield { bytes: Buffer.from(event), data: undefined };
    else
      yield { bytes: Buffer.from(`${opening}${JSON.stringify(event.data, undefined, 2)}`), data: event.data };
    opening = ",\r\n";
  }
  yield { bytes: Buffer.from(opening === "[" ? "[]" : "\n]"), data: undefined };
}

/** Compresses frame by frame with a flush after each, as servers of event streams do. */
async function* encodeFrames(
  frames: Iterable<Frame>,
  encoding: Behaviour["encoding"],
): AsyncGenerator<Frame> {
  if (encoding === undefined) {
    yield* frames;
    return;
  }
  const encoder = createEncoder(encoding);
  const collected: Buffer[] = [];
  encoder.on("data", (chunk: Buffer) => collected.push(chunk));
  for (const frame of frames) {
    encoder.write(frame.bytes);
    await new Promise<void>((resolve) =>
      (encoder as unknown as { flush(done: () => void): void }).flush(resolve),
    );
    await new Promise((resolve) => setImmediate(resolve));
    yield { bytes: Buffer.concat(collected.splice(0)), data: frame.data };
  }
  const ended = new Promise((resolve) => encoder.once("end", resolve));
  encoder.end();
  await ended;
  yield { bytes: Buffer.concat(collected.splice(0)), data: undefined };
}

function createEncoder(encoding: NonNullable<Behaviour["encoding"]>): Transform {
  switch (encoding) {
    case "gzip":
      return createGzip();
    case "deflate":
      return createDeflate();
    case "br":
      return createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });
    case "zstd":
      return createZstdCompress();
  }
}

/** Compresses a request body for tests. */
export function compress(body: Buffer, encoding: NonNullable<Behaviour["encoding"]>): Buffer {
  const encoders = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };
  return encoders[encoding](body);
}

/** Decodes what `compress` (or a client) made; returns the body itself for codings it does not know. */
export async function decompress(body: Buffer, encoding: string | undefined): Promise<Buffer> {
  const { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } = await import(
    "node:zlib"
  );
  const decoders: Record<string, () => Transform> = {
    gzip: createGunzip,
    "x-gzip": createGunzip,
    deflate: createInflate,
    br: createBrotliDecompress,
    zstd: createZstdDecompress,
  };
  const decoder = decoders[encoding ?? ""];
  return decoder === undefined ? body : buffer(Readable.from([body]).pipe(decoder()));
}

interface Sender {
  send(frame: Frame): Promise<"sent" | "gone" | "cut">;
  /** Writes what `merged` held back. */
  flush(): Promise<"sent" | "gone">;
}

function createSender(job: WriteJob): Sender {
  const { chunking = "event", cut } = job.behaviour;
  const held: Frame[] = [];
  let left = cut?.afterBytes ?? Number.POSITIVE_INFINITY;

  async function write(bytes: Buffer): Promise<"sent" | "gone" | "cut"> {
    const part = bytes.subarray(0, Math.min(bytes.length, left));
    left -= part.length;
    for (const piece of pieces(part, chunking)) {
      const result = await writeOnce(job, piece);
      if (result === "gone") return result;
      if (chunking !== "event" && chunking !== "merged")
        await new Promise((resolve) => setImmediate(resolve));
    }
    return part.length < bytes.length || left === 0 ? "cut" : "sent";
  }

  return {
    async send(frame) {
      if (chunking === "merged") {
        held.push(frame);
        return "sent";
      }
      const result = await write(frame.bytes);
      if (result === "sent" && frame.data !== undefined) job.onSent(frame.data);
      return result;
    },
    async flush() {
      const frames = held.splice(0);
      if (frames.length === 0) return "sent";
      if ((await write(Buffer.concat(frames.map((frame) => frame.bytes)))) === "gone") return "gone";
      for (const frame of frames) if (frame.data !== undefined) job.onSent(frame.data);
      return "sent";
    },
  };
}

function* pieces(bytes: Buffer, chunking: NonNullable<Behaviour["chunking"]>): Generator<Buffer> {
  if (chunking === "event" || chunking === "merged") {
    if (bytes.length > 0) yield bytes;
    return;
  }
  let start = 0;
  for (let end = 1; end < bytes.length; end++) {
    const insideCharacter = (bytes[end]! & 0xc0) === 0x80;
    if (chunking === "byte" || insideCharacter) {
      yield bytes.subarray(start, end);
      start = end;
    }
  }
  if (start < bytes.length) yield bytes.subarray(start);
}

/** Waits for the kernel, so that a reader that stops makes the upstream stop. */
async function writeOnce(job: WriteJob, bytes: Buffer): Promise<"sent" | "gone"> {
  const { response } = job;
  if (response.destroyed || response.socket === null || response.socket.destroyed) return "gone";
  const written = new Promise<"sent" | "gone">((resolve) => {
    response.write(bytes, (error) => resolve(error === null || error === undefined ? "sent" : "gone"));
  });
  const result = await Promise.race([written, job.gone.then(() => "gone" as const)]);
  if (result === "sent") job.onBytes(bytes);
  return result;
}

async function resetConnection(job: WriteJob, sender: Sender): Promise<WriteResult> {
  if ((await sender.flush()) === "gone") return "gone";
  // A reset overtakes bytes that the other side has not read yet: give it a moment. The relay may be in this process, and where the loop
  // is late a timer comes before what has arrived is read: not before the loop has looked at its sockets twice.
  await new Promise((resolve) => setTimeout(resolve, 5));
  for (let looks = 0; looks < 2; looks++) await new Promise((resolve) => setImmediate(resolve));
  breakConnection(job.response, job.behaviour.cut?.how ?? "rst");
  return "cut";
}

export function breakConnection(response: ServerResponse, how: TruncationStyle): void {
  if (how === "clean") response.end();
  else if (how === "rst") response.socket?.resetAndDestroy();
  else {
    const { socket } = response;
    socket?.end(() => socket.destroy());
  }
}

async function finish(job: WriteJob): Promise<WriteResult> {
  const { response } = job;
  const { socket } = response;
  const ended = new Promise<void>((resolve) => response.end(resolve));
  await Promise.race([ended, job.gone]);
  if (job.behaviour.closeAfter === true) socket?.end();
  return "ended";
}

function headersOf({ answer, behaviour }: WriteJob, contentType: string): Record<string, string | string[]> {
  const all: Record<string, string | string[] | undefined> = {
    "content-type": contentType,
    ...(behaviour.encoding === undefined ? {} : { "content-encoding": behaviour.encoding }),
    ...answer.headers,
    ...behaviour.headers,
  };
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(all)) if (value !== undefined) headers[name] = value;
  return headers;
}

function streamType(answer: ScriptedAnswer): string {
  return answer.form === "sse" ? "text/event-stream; charset=utf-8" : "application/json; charset=UTF-8";
}

async function pause(delay: Delay | undefined, gone: Promise<void>): Promise<"on" | "gone"> {
  if (delay === undefined || delay === 0) return "on";
  let timer: NodeJS.Timeout | undefined;
  const waited =
    typeof delay === "number"
      ? new Promise<void>((resolve) => {
          timer = setTimeout(resolve, delay);
        })
      : delay;
  const result = await Promise.race([waited.then(() => "on" as const), gone.then(() => "gone" as const)]);
  clearTimeout(timer);
  return result;
}
