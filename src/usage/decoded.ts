// Undoes content codings where the relay has to read what it forwards as it is: answers as they pass, and whole bodies.

import { promisify } from "node:util";
import zlib from "node:zlib";
import {
  type Coding,
  createDecoder,
  DecodeError,
  type DecodeLimits,
  type Decoder,
  formatOf,
  parseCodings,
  zstdOptions,
} from "./decoder.ts";
import type { AnswerObserver, Opening } from "./observer.ts";

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
  maxPieceBytes: 8 * 1024 * 1024,
  maxTotalBytes: (codedBytes) => 8 * 1024 * 1024 + 50 * codedBytes,
};

/** For an answer that is rewritten. Undefined when it has no coding; throws DecodeError for an unknown one. */
export function createAnswerDecoder(encoding: string | undefined): Decoder | undefined {
  const codings = parseCodings(encoding);
  return codings.length === 0 ? undefined : createDecoder(codings, answerLimits);
}

export interface ObserveDecodedOptions {
  /** The value of `content-encoding`. */
  encoding: string | undefined;
  observer: AnswerObserver;
  /** Told once when the observer throws; it is asked no more then. */
  onError(error: unknown): void;
}

/**
 * An observer for an answer with content codings. Decoding takes its time in other threads: what was pushed has been
 * observed when `settled` resolves, so ask it before `opening`, `complete` and `report`, and before pushing much more, since
 * undecoded chunks queue up.
 *
 * When the bytes cannot be decoded, or unfold to more than the limits allow, nothing more is learned of the answer
 * (`unreadable` says why), and it passes for one like any other: it has content, and is complete when it ended cleanly.
 */
export function observeDecoded({ encoding, observer, onError }: ObserveDecodedOptions): AnswerObserver {
  let decoder: Decoder | undefined;
  let unreadable: string | undefined;
  try {
    const codings = parseCodings(encoding);
    if (codings.length === 0) return observer;
    decoder = createDecoder(codings, answerLimits);
  } catch (error) {
    unreadable = messageOf(error);
  }
  let ended = false;
  let last = Promise.resolve();
  const take = (slice: Buffer): void => observer.push(slice);

  function giveUp(error: unknown): void {
    if (unreadable !== undefined) return;
    unreadable = messageOf(error);
    decoder?.destroy();
    if (!(error instanceof DecodeError)) onError(error);
  }

  async function finish(): Promise<void> {
    if (unreadable !== undefined) return;
    // The coding's own end may be missing: cut off, or not written by a careless server. What came was observed.
    await decoder?.end(take).catch((error) => {
      if (!(error instanceof DecodeError)) giveUp(error);
    });
    decoder?.destroy();
    try {
      observer.end();
    } catch (error) {
      giveUp(error);
    }
  }

  return {
    push(chunk) {
      if (unreadable !== undefined || ended) return;
      last = last.then(() =>
        unreadable === undefined ? decoder?.write(chunk, take).catch(giveUp) : undefined,
      );
    },
    end() {
      if (ended) return;
      ended = true;
      last = last.then(finish);
    },
    settled: () => last,
    get opening(): Opening {
      return unreadable !== undefined && observer.opening.kind === "pending"
        ? { kind: "content" }
        : observer.opening;
    },
    get complete() {
      return observer.complete || (unreadable !== undefined && ended);
    },
    get form() {
      return observer.form;
    },
    get isTruncated() {
      return unreadable === undefined && observer.isTruncated;
    },
    get unreadable() {
      return unreadable ?? observer.unreadable;
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
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
