// Undoes content codings where the relay has to read what it forwards as it is: answers as they pass, and whole bodies.

import { promisify } from "node:util";
import zlib from "node:zlib";
import type { AnswerObserver, Opening } from "./observer.ts";

/** Why a body could not be decoded. */
export class DecodeError extends Error {
  readonly reason: "unsupported" | "too-large" | "corrupt";

  constructor(reason: "unsupported" | "too-large" | "corrupt", message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "DecodeError";
    this.reason = reason;
  }
}

/**
 * The body without its codings (the value of `content-encoding`; undefined and "" mean none). Throws DecodeError, of
 * reason `too-large` as soon as any step of decoding exceeds `maxBytes`.
 */
export async function decodeBody(
  body: Buffer,
  encoding: string | undefined,
  maxBytes: number,
): Promise<Buffer> {
  const codings = parseCodings(encoding);
  if (!codings)
    throw new DecodeError("unsupported", `the content-encoding ${JSON.stringify(encoding)} is unknown`);
  let decoded = body;
  for (const coding of codings) {
    // Some send the header with an empty body.
    if (decoded.length > 0) decoded = await decodeWhole(decoded, coding, maxBytes);
  }
  if (decoded.length > maxBytes) throw tooLarge(maxBytes);
  return decoded;
}

/**
 * An observer for an answer with content codings. Decoding takes its time in other threads: what was pushed has been
 * observed when `settled` resolves, so ask it before `opening`, `complete` and `report`, and before pushing much more, since
 * undecoded chunks queue up.
 *
 * When the bytes cannot be decoded nothing more is learned of the answer, and it passes for one like any other: it
 * has content, and is complete when it ended cleanly.
 */
export function observeDecoded(encoding: string | undefined, observer: AnswerObserver): AnswerObserver {
  const codings = parseCodings(encoding);
  if (codings?.length === 0) return observer;

  const stages = (codings ?? []).map(createStage);
  let unreadable = codings === undefined;
  let ended = false;
  let last = Promise.resolve();

  return {
    push(chunk) {
      if (!unreadable && !ended) last = last.then(() => decode(chunk));
    },
    end() {
      if (ended) return;
      ended = true;
      last = last.then(finish);
    },
    settled: () => last,
    get opening() {
      return unreadable && observer.opening.kind === "pending" ? content : observer.opening;
    },
    get complete() {
      return observer.complete || (unreadable && ended);
    },
    get unclosed() {
      return observer.unclosed && !unreadable;
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

  async function decode(chunk: Buffer): Promise<void> {
    if (unreadable) return;
    try {
      await pass([chunk], 0);
    } catch {
      unreadable = true;
    }
  }

  async function finish(): Promise<void> {
    try {
      for (const [at, stage] of stages.entries()) if (!unreadable) await pass(await stage.end(), at + 1);
    } catch {
      // The coding's own end is missing: cut off, or not written by a careless server. What came was observed.
    }
    observer.end();
  }

  /** Sends bytes through the stages from this one on. */
  async function pass(chunks: Buffer[], from: number): Promise<void> {
    let decoded = chunks;
    for (const stage of stages.slice(from)) {
      const output: Buffer[] = [];
      for (const chunk of decoded) output.push(...(await stage.write(chunk)));
      decoded = output;
    }
    for (const chunk of decoded) observer.push(chunk);
  }
}

const content: Opening = { kind: "content" };

type Coding = "gzip" | "br" | "deflate" | "zstd";

const codingNames: ReadonlyMap<string, Coding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["br", "br"],
  ["deflate", "deflate"],
  ["zstd", "zstd"],
]);

/** Nobody applies more, but for bombs. */
const maxCodings = 3;

/** In the order in which they are to be undone, which is from the last to the first; undefined when one is unknown. */
function parseCodings(encoding: string | undefined): Coding[] | undefined {
  const codings: Coding[] = [];
  for (const part of (encoding ?? "").split(",")) {
    const name = part.trim().toLowerCase();
    if (name === "" || name === "identity") continue;
    const coding = codingNames.get(name);
    if (coding === undefined || codings.length === maxCodings) return undefined;
    codings.unshift(coding);
  }
  return codings;
}

/** Windows above 8 MiB are not allowed on the web (RFC 9659); without the limit a few bytes could claim 128 MiB. */
const zstdOptions = { params: { [zlib.constants.ZSTD_d_windowLogMax]: 23 } };

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

/** `deflate` means the zlib format (RFC 9110), but some send the bare stream; a zlib header begins with the method, 8. */
function formatOf(coding: Coding, bytes: Buffer): keyof typeof wholeDecoders {
  if (coding !== "deflate") return coding;
  return (bytes[0]! & 0x0f) === 8 ? "inflate" : "inflateRaw";
}

function tooLarge(maxBytes: number): DecodeError {
  return new DecodeError("too-large", `the decoded body is larger than ${maxBytes} bytes`);
}

/** One coding undone chunk by chunk. */
interface Stage {
  /** What the chunk adds to the decoded bytes; rejects for bytes that are not valid. */
  write(chunk: Buffer): Promise<Buffer[]>;
  /** Rejects when the coding has not come to its end. */
  end(): Promise<Buffer[]>;
}

function createStage(coding: Coding): Stage {
  let decoder: ReturnType<typeof createDecoder> | undefined;
  let output: Buffer[] = [];

  return {
    async write(chunk) {
      if (chunk.length === 0) return [];
      decoder ??= start(formatOf(coding, chunk));
      return step(decoder, (done) => decoder?.write(chunk, done));
    },
    async end() {
      if (!decoder) return [];
      return step(decoder, (done) => decoder?.end().once("end", done));
    },
  };

  function start(format: keyof typeof wholeDecoders): ReturnType<typeof createDecoder> {
    const created = createDecoder(format);
    created.on("readable", () => drain(created));
    // An error between two steps has nobody waiting for it; the next step fails by itself.
    created.on("error", () => {});
    return created;
  }

  function drain(from: ReturnType<typeof createDecoder>): void {
    for (let bytes = from.read(); bytes !== null; bytes = from.read()) output.push(bytes);
  }

  /** The decoder calls back when it has taken the input; what it made of it may still wait to be read. */
  function step(
    from: ReturnType<typeof createDecoder>,
    work: (done: (error?: Error | null) => void) => void,
  ): Promise<Buffer[]> {
    return new Promise((resolve, reject) => {
      from.once("error", reject);
      work((error) => {
        if (error) return reject(error);
        from.off("error", reject);
        drain(from);
        resolve(output);
        output = [];
      });
    });
  }
}

function createDecoder(format: keyof typeof wholeDecoders) {
  switch (format) {
    case "gzip":
      return zlib.createGunzip();
    case "br":
      return zlib.createBrotliDecompress();
    case "inflate":
      return zlib.createInflate();
    case "inflateRaw":
      return zlib.createInflateRaw();
    case "zstd":
      return zlib.createZstdDecompress(zstdOptions);
  }
}
