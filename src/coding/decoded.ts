// Undoes content codings where the relay has to read what it forwards as it is: answers as they pass, and whole bodies.

import { promisify } from "node:util";
import zlib from "node:zlib";
import { freeBuffer } from "../domain/body-memory.ts";
import type { AnswerObserver, Opening } from "../usage/observer.ts";
import { brotliBytesAhead } from "./brotli-header.ts";
import {
  type Coding,
  createDecoder,
  DecodeError,
  type DecodeLimits,
  type Decoder,
  type DecoderOptions,
  formatOf,
  parseCodings,
  windowsOf,
  zstdOptions,
} from "./decoder.ts";

export { DecodeError } from "./decoder.ts";

/**
 * The body without its codings (the value of `content-encoding`; undefined and "" mean none). Throws DecodeError, of
 * reason `too-large` as soon as any step of decoding exceeds `maxBytes`.
 */
export async function decodeBody(
  body: Buffer,
  encoding: string | undefined,
  maxBytes: number,
): Promise<Buffer> {
  let decoded = body;
  for (const coding of parseCodings(encoding)) {
    // Some send the header with an empty body.
    if (decoded.length > 0) decoded = await decodeWhole(decoded, coding, maxBytes);
  }
  if (decoded.length > maxBytes) throw tooLarge(maxBytes);
  return decoded;
}

/** While zlib joins its pieces a body is there twice, beside what the coding refers back to. */
const decodedCopies = 2;

/** What `decodeBody` takes of memory, at most. */
export function decodingBytes(body: Buffer, codings: readonly Coding[], maxBytes: number): number {
  return codings.reduce((sum, coding, index) => {
    // Brotli fills its window before the limit is asked. Of a coding within another one the beginning is not known yet.
    const brotliBytes = index === 0 ? brotliBytesAhead(body) : Number.POSITIVE_INFINITY;
    return sum + windowsOf([coding], coding === "br" ? Math.max(maxBytes, brotliBytes) : maxBytes);
  }, maxBytes * decodedCopies);
}

const wholeDecoders = {
  gzip: promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip),
  br: promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress),
  inflate: promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflate),
  inflateRaw: promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflateRaw),
  zstd: promisify<Buffer, zlib.ZstdOptions, Buffer>(zlib.zstdDecompress),
};

async function decodeWhole(body: Buffer, coding: Coding, maxBytes: number): Promise<Buffer> {
  const maxOutputLength = Math.max(1, maxBytes);
  try {
    return await wholeDecoders[formatOf(coding, body)](body, {
      maxOutputLength,
      ...(coding === "zstd" ? zstdOptions : {}),
    });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE") {
      throw tooLarge(maxBytes);
    }
    throw new DecodeError("corrupt", `the body is not valid ${coding}`, cause);
  }
}

function tooLarge(maxBytes: number): DecodeError {
  return new DecodeError("too-large", `the decoded body is larger than ${maxBytes} bytes`);
}

/**
 * What is unfolded of an answer. Real answers shrink to a tenth; a bomb of some kilobytes could unfold to
 * gigabytes, and codings within codings multiply.
 */
const answerLimits: DecodeLimits = {
  maxPieceBytes: 4 * 1024 * 1024,
  maxTotalBytes: (codedBytes) => 4 * 1024 * 1024 + 50 * codedBytes,
};

/** For an answer that is rewritten. Undefined when it has no coding; throws DecodeError for an unknown one. */
export function createAnswerDecoder(
  encoding: string | undefined,
  makeRoom: DecoderOptions["makeRoom"],
): Decoder | undefined {
  const codings = parseCodings(encoding);
  return codings.length === 0 ? undefined : createDecoder({ codings, limits: answerLimits, makeRoom });
}

export interface ObserveDecodedOptions {
  /** The value of `content-encoding`. */
  encoding: string | undefined;
  /** The client's `accept-encoding`: a coding that is unknown here and named there is the client's own affair. */
  accepted?: string | undefined;
  observer: AnswerObserver;
  /** For what is decoded and kept; absent: it is not counted. */
  memory?: HeldMemory;
  /** Called once when the observer throws; it is not used any more then. */
  onError(error: unknown): void;
}

/** What one answer holds of the memory that all bodies share. */
export interface HeldMemory {
  /**
   * So many bytes are held from now on. Undefined: they may be. Else resolves once others have given enough back, and rejects with
   * RelayError("memory_exhausted") when that takes too long. Throws that for more than there is for all.
   */
  hold(bytes: number): Promise<void> | undefined;
  release(): void;
}

/**
 * Why nothing more can be read of an answer. `undecodable`: its bytes are not in the coding that it names, so no client can
 * read them either. `gave-up`: a limit or a fault of ours; the client may well read the answer.
 */
interface Unread {
  kind: "undecodable" | "gave-up";
  why: string;
}

/**
 * An observer for an answer with content codings. Decoding takes its time in other threads: what was pushed has been
 * observed when `settled` resolves, so ask it before `opening`, `complete` and `report`, and before pushing much more, since
 * undecoded chunks queue up.
 *
 * Bytes that are not in their coding are no answer; after the answer has begun they truncate it. When the answer unfolds to
 * more than the limits allow, nothing more is learned of it (`unreadable` says why), and it passes for one like any other: it
 * has content, and is complete when it ended cleanly.
 */
export function observeDecoded({
  encoding,
  accepted,
  observer,
  memory,
  onError,
}: ObserveDecodedOptions): AnswerObserver {
  let decoder: Decoder | undefined;
  let unread: Unread | undefined;
  /** Of an answer without a byte, which some name a coding for, it is of no account. */
  let unknownCoding: Unread | undefined;
  try {
    const codings = parseCodings(encoding);
    if (codings.length === 0) return observer;
    decoder = createDecoder({ codings, limits: answerLimits, makeRoom: () => hold() });
  } catch (error) {
    const isOurs = isFaultOfOurs(error) || isListed(encoding, accepted);
    unknownCoding = { kind: isOurs ? "gave-up" : "undecodable", why: messageOf(error) };
  }
  let ended = false;
  let hasBytes = false;
  let waitingBytes = 0;
  let last = Promise.resolve();
  const hold = () => memory?.hold(waitingBytes + (observer.heldBytes ?? 0) + (decoder?.heldBytes ?? 0));
  const take = (slice: Buffer): void | Promise<void> => {
    observer.push(slice);
    // Garbage of a bomb's size, where the collector waits for tens of megabytes. The observer keeps copies.
    freeBuffer(slice);
    return hold();
  };
  const decode = async (chunk: Buffer) => {
    await hold();
    await decoder?.write(chunk, take);
  };

  function stopReading(error: unknown): void {
    if (unread !== undefined) return;
    unread = { kind: isFaultOfOurs(error) ? "gave-up" : "undecodable", why: messageOf(error) };
    observer.forget?.();
    if (!(error instanceof DecodeError)) onError(error);
  }

  async function read(chunk: Buffer): Promise<void> {
    if (unread === undefined) await decode(chunk).catch(stopReading);
    waitingBytes -= chunk.length;
    if (unread === undefined) return;
    decoder?.destroy();
    memory?.release();
  }

  async function finish(): Promise<void> {
    if (unread === undefined) await finishReading();
    decoder?.destroy();
    memory?.release();
  }

  /** The coding's own end may be missing: truncated, or not written by a careless server. What came was observed. */
  async function finishReading(): Promise<void> {
    const fault: unknown = await decoder?.end(take).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (fault !== undefined && !(fault instanceof DecodeError)) return stopReading(fault);
    try {
      observer.end();
    } catch (error) {
      return stopReading(error);
    }
    if (fault !== undefined && hasBytes && observer.opening.kind === "pending") stopReading(fault);
  }

  return {
    push(chunk) {
      if (chunk.length === 0 || unread !== undefined || ended) return;
      hasBytes = true;
      if (unknownCoding !== undefined) {
        unread = unknownCoding;
        return;
      }
      waitingBytes += chunk.length;
      last = last.then(() => read(chunk));
    },
    end() {
      if (ended) return;
      ended = true;
      last = last.then(finish);
    },
    settled: () => last,
    get isBehind() {
      return waitingBytes > maxWaitingBytes;
    },
    get opening(): Opening {
      if (unread === undefined || observer.opening.kind !== "pending") return observer.opening;
      if (unread.kind === "gave-up") return { kind: "content" };
      return { kind: "foreign", what: `bytes that cannot be decoded (${unread.why})` };
    },
    get complete() {
      return observer.complete || (unread?.kind === "gave-up" && ended);
    },
    get form() {
      return observer.form;
    },
    get isTruncated() {
      if (unread === undefined) return observer.isTruncated;
      if (unread.kind === "gave-up") return false;
      return !observer.complete && observer.lateError === undefined && observer.opening.kind !== "error";
    },
    get unreadable() {
      return unread?.why ?? observer.unreadable;
    },
    get lateError() {
      return observer.lateError;
    },
    get report() {
      return observer.report;
    },
    get ids() {
      return observer.ids;
    },
    get encrypted() {
      return observer.encrypted;
    },
    get seals() {
      return observer.seals;
    },
  };
}

/** What has come and waits for its decoding: the provider is paused for more. */
const maxWaitingBytes = 256 * 1024;

/** A limit on what is decoded, or anything that is no matter of decoding. */
function isFaultOfOurs(error: unknown): boolean {
  return !(error instanceof DecodeError) || error.reason === "too-large" || error.reason === "too-many";
}

/** Whether the client itself says that it takes one of these codings by name. */
function isListed(encoding = "", accepted = ""): boolean {
  const names = (text: string) => text.split(",").map((part) => part.split(";")[0]!.trim().toLowerCase());
  const taken = new Set(names(accepted));
  return names(encoding).every((name) => name === "" || taken.has(name));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
