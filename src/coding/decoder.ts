// Decodes content codings (gzip, br, deflate, zstd) piece by piece, within limits on what a piece and a whole answer may decode to.

import type { Transform } from "node:stream";
import zlib from "node:zlib";
import { brotliBytesAhead, brotliHeaderBytes } from "./brotli-header.ts";

/** `too-large` and `too-many` (codings within codings) are limits of ours: the bytes may be right. */
export type DecodeFault = "unsupported" | "too-large" | "too-many" | "corrupt";

/** Why bytes could not be decoded. */
export class DecodeError extends Error {
  readonly reason: DecodeFault;

  constructor(reason: DecodeFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "DecodeError";
    this.reason = reason;
  }
}

export type Coding = "gzip" | "br" | "deflate" | "zstd";

/** A coding as it is really written: see formatOf. */
export type CodingFormat = "gzip" | "br" | "inflate" | "inflateRaw" | "zstd";

const codingNames: ReadonlyMap<string, Coding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["br", "br"],
  ["deflate", "deflate"],
  ["zstd", "zstd"],
]);

/** Nobody applies more, but for bombs. */
const maxCodings = 3;

/**
 * Reads a `content-encoding`; undefined and "" mean none. Returns the codings in the order in which they are to be undone, which
 * is from the last to the first. Throws DecodeError for an unknown one.
 */
export function parseCodings(encoding: string | undefined): Coding[] {
  const codings: Coding[] = [];
  for (const part of (encoding ?? "").split(",")) {
    const name = part.trim().toLowerCase();
    if (isNone(name)) continue;
    const coding = codingNames.get(name);
    const written = JSON.stringify(encoding?.slice(0, 40));
    if (coding === undefined)
      throw new DecodeError("unsupported", `the content-encoding ${written} is unknown`);
    if (codings.length === maxCodings)
      throw new DecodeError("too-many", `the content-encoding ${written} names too many codings`);
    codings.unshift(coding);
  }
  return codings;
}

/** Whether a `content-encoding` names any coding, known or not. */
export function isCoded(encoding: string | undefined): encoding is string {
  return encoding?.split(",").some((part) => !isNone(part.trim().toLowerCase())) ?? false;
}

function isNone(name: string): boolean {
  return name === "" || name === "identity";
}

/** `deflate` means the zlib format (RFC 9110), but some send the bare stream; a zlib header begins with the method, 8. */
export function formatOf(coding: Coding, bytes: Buffer): CodingFormat {
  if (coding !== "deflate") return coding;
  return (bytes[0]! & 0x0f) === 8 ? "inflate" : "inflateRaw";
}

/** Windows above 8 MiB are not allowed on the web (RFC 9659); without the limit a few bytes could claim 128 MiB. */
export const zstdOptions = { params: { [zlib.constants.ZSTD_d_windowLogMax]: 23 } };

export interface DecodeLimits {
  /** What one piece may unfold to, at every coding. */
  maxPieceBytes: number;
  /** What all pieces together may unfold to, at every coding; `codedBytes` is what has come so far. */
  maxTotalBytes(codedBytes: number): number;
}

/** Takes decoded bytes in slices of some kilobytes; the next slice waits for what it returns. */
export type TakeSlice = (slice: Buffer) => void | Promise<void>;

/** The most that a coding may keep of what it has unfolded, to refer back to: RFC 7932, section 9.1; zstdOptions. */
const windowBytes: Readonly<Record<Coding, number>> = {
  gzip: 32 * 1024,
  deflate: 32 * 1024,
  br: 16 * 1024 * 1024,
  zstd: 8 * 1024 * 1024,
};

/** Tables, and the pieces that go in and come out: 10 to 80 KB for each coding, measured with Node 24. */
const tableBytes = 64 * 1024;

/** What undoing these codings keeps beside the result, of at most so many bytes. */
export function windowsOf(codings: readonly Coding[], unfoldedBytes: number): number {
  return codings.reduce((sum, coding) => sum + tableBytes + Math.min(windowBytes[coding], unfoldedBytes), 0);
}

/** After it has rejected once it is of no more use. One call at a time. */
export interface Decoder {
  /** What it keeps of what it has unfolded. */
  readonly heldBytes: number;
  /** Rejects with DecodeError for bytes that are not valid or unfold to more than the limits allow, and with what `take` throws. */
  write(piece: Buffer, take: TakeSlice): Promise<void>;
  /** Rejects when a coding has not come to its end. */
  end(take: TakeSlice): Promise<void>;
  /** Frees what it holds. */
  destroy(): void;
}

export interface DecoderOptions {
  /** As parseCodings returns them. */
  codings: readonly Coding[];
  limits: DecodeLimits;
  /** Called when `heldBytes` has grown by much at once, before the memory is really taken; what it returns is waited for. */
  makeRoom?: (() => void | Promise<void>) | undefined;
}

export function createDecoder({ codings, limits, makeRoom }: DecoderOptions): Decoder {
  let codedBytes = 0;
  const stages = codings.map((coding) => createStage(coding, makeRoom));

  /** Sends bytes through the stages from this one on. */
  async function pass(piece: Buffer, from: number, take: TakeSlice): Promise<void> {
    const stage = stages[from];
    if (!stage) return take(piece);
    await stage.write(piece, (slice) => pass(slice, from + 1, take));
  }

  return {
    get heldBytes() {
      return stages.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
    },
    async write(piece, take) {
      codedBytes += piece.length;
      const maxTotalBytes = limits.maxTotalBytes(codedBytes);
      for (const stage of stages) stage.allow({ maxPieceBytes: limits.maxPieceBytes, maxTotalBytes });
      await pass(piece, 0, take);
    },
    async end(take) {
      for (const [at, stage] of stages.entries()) await stage.end((slice) => pass(slice, at + 1, take));
    },
    destroy() {
      for (const stage of stages) stage.destroy();
    },
  };
}

interface Allowance {
  maxPieceBytes: number;
  maxTotalBytes: number;
}

/** One coding undone. */
interface Stage {
  readonly heldBytes: number;
  /** What the next piece of the coded answer may unfold to here. */
  allow(allowance: Allowance): void;
  write(piece: Buffer, take: TakeSlice): Promise<void>;
  end(take: TakeSlice): Promise<void>;
  destroy(): void;
}

function createStage(coding: Coding, makeRoom: DecoderOptions["makeRoom"]): Stage {
  /** The first bytes, until they say how much is unfolded ahead. */
  let lead: Buffer = nothing;
  let aheadBytes = 0;
  let isDestroyed = false;
  let stream: Transform | undefined;
  let allowance: Allowance = { maxPieceBytes: 0, maxTotalBytes: 0 };
  let pieceBytes = 0;
  let totalBytes = 0;
  let failure: Error | undefined;
  let wake = (): void => {};

  return {
    get heldBytes() {
      if (isDestroyed || stream?.destroyed || (!stream && aheadBytes === 0)) return 0;
      return windowsOf([coding], Math.max(totalBytes, aheadBytes));
    },
    allow(next) {
      allowance = next;
      pieceBytes = 0;
    },
    async write(piece, take) {
      if (piece.length === 0) return;
      if (stream || coding !== "br") return await undo(piece, take);
      lead = lead.length === 0 ? piece : Buffer.concat([lead, piece]);
      if (lead.length < brotliHeaderBytes) return;
      aheadBytes = brotliBytesAhead(lead);
      await makeRoom?.();
      if (!isDestroyed) await undo(lead, take);
      lead = nothing;
    },
    async end(take) {
      if (!stream && lead.length > 0) await undo(lead, take);
      if (!stream) return;
      // A coding that ends before its bytes do has ended already: what follows its end is nobody's.
      if (!stream.readableEnded) {
        await step(stream, take, (done) => stream?.end().once("end", () => done()));
      }
      stream.destroy();
    },
    destroy() {
      isDestroyed = true;
      stream?.destroy();
    },
  };

  function undo(piece: Buffer, take: TakeSlice): Promise<void> {
    stream ??= open(formatOf(coding, piece));
    return step(stream, take, (done) => stream?.write(piece, done));
  }

  function open(format: CodingFormat): Transform {
    const opened = openStream(format);
    opened.on("readable", () => wake());
    opened.on("error", (cause) => {
      failure ??= isWindowTooLarge(cause)
        ? new DecodeError("too-large", `the ${coding} body needs more memory than is given to one`, cause)
        : new DecodeError("corrupt", `the body is not valid ${coding}`, cause);
      wake();
    });
    return opened;
  }

  /** Reads slice by slice: a stream whose output is not taken makes no more of it. */
  async function step(from: Transform, take: TakeSlice, work: (done: () => void) => void): Promise<void> {
    let isDone = false;
    work(() => {
      isDone = true;
      wake();
    });
    for (;;) {
      if (failure) throw failure;
      const slice: Buffer | null = from.read();
      if (slice !== null) {
        count(slice.length);
        await take(slice);
      } else if (isDone) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  function count(bytes: number): void {
    pieceBytes += bytes;
    totalBytes += bytes;
    if (pieceBytes <= allowance.maxPieceBytes && totalBytes <= allowance.maxTotalBytes) return;
    stream?.destroy();
    failure = new DecodeError("too-large", `the ${coding} body unfolds to more than is read of one`);
    throw failure;
  }
}

const nothing = Buffer.alloc(0);

function isWindowTooLarge(cause: Error): boolean {
  return "code" in cause && cause.code === "ZSTD_error_frameParameter_windowTooLarge";
}

function openStream(format: CodingFormat): Transform {
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
