// Receives a request's body: within its size limit, within the memory that all bodies share, and not slower than a minimum.

import type { Readable } from "node:stream";
import { freeBuffer } from "../domain/body-memory.ts";
import type { Body, HeaderMap } from "../domain/call.ts";
import { RelayError } from "../domain/errors.ts";
import type { Timers } from "../time/timers.ts";
import { type BodyStall, watchArrival } from "./body-stall.ts";
import type { RequestSource } from "./client.ts";
import type { MemoryShare } from "./memory-share.ts";

export interface BodyLimits extends BodyStall {
  maxBytes: number;
  share: MemoryShare;
  signal: AbortSignal;
  timers: Timers;
  /** What is needed of memory beside a body of so many bytes before it goes on: to decode it, to convert it. */
  bytesAhead?: (length: number) => number;
  /** Of an API that is converted: what its large bodies leave behind is more, and pages cost little beside a conversion. */
  mayBeConverted?: boolean;
}

/**
 * Undefined: the request has no body. Throws RelayError for a body that is too large or too slow, MemoryExhausted, and the
 * signal's reason. What is still to come of a body that was refused is not read here.
 */
export async function readBody(source: RequestSource, limits: BodyLimits): Promise<Body | undefined> {
  const { headers, body } = source;
  checkAnnouncedLength(headers, limits.maxBytes);
  if (body === undefined) return undefined;
  if (Buffer.isBuffer(body)) {
    if (body.length > limits.maxBytes) throw bodyTooLarge(limits.maxBytes);
    await limits.share.grow(body.length);
    return body;
  }
  // What is announced is taken at once: bodies that each got half of their memory would wait for one another.
  const length = announcedLength(headers);
  const turn =
    length === undefined ? undefined : limits.share.begin(length, limits.bytesAhead?.(length) ?? 0);
  if (turn) await turn;
  source.onBodyWanted?.();
  const store = storeFor(length ?? 0, source, limits);
  return await collect(body, { ...limits, takenBytes: length ?? 0, store });
}

/** Throws RelayError("body_too_large") where the client says itself that its body is larger. */
function checkAnnouncedLength(headers: HeaderMap, maxBytes: number): void {
  if ((announcedLength(headers) ?? 0) > maxBytes) throw bodyTooLarge(maxBytes);
}

/** Undefined for a body of unknown length. */
function announcedLength(headers: HeaderMap): number | undefined {
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

export function bodyTooLarge(maxBytes: number): RelayError {
  const megabytes = Math.round((maxBytes / 1048576) * 10) / 10;
  return new RelayError(
    "body_too_large",
    `The request is larger than ${megabytes} MB; send less, or raise server.max_body_mb in config.toml.`,
  );
}

function bodyTooSlow({ stallMs, stallBytes }: BodyLimits): RelayError {
  return new RelayError(
    "body_timeout",
    `The request's body did not arrive: less than ${Math.round(stallBytes / 1024)} KB came within ${stallMs / 1000} s; send the request again.`,
  );
}

/** Where the pieces of a body go. */
interface BodyStore {
  keep(piece: Buffer): void;
  body(): Body;
}

/** Smaller ones are not worth it: they are joined where they are read, see join-body.ts. */
const minWholeBytes = 256 * 1024;
/** Where many are there at once these are enough: their pieces would leave the C library's memory full of holes. */
const minPageBytes = 64 * 1024;
/** With more than this in use usual bodies are many at once, and with more than that large ones. */
const usualCrowdBytes = 8 * 1024 * 1024;
const largeCrowdBytes = 32 * 1024 * 1024;

/** @param length 0: it is not known. */
function storeFor(length: number, source: RequestSource, { share, mayBeConverted }: BodyLimits): BodyStore {
  const isLarge = length >= minWholeBytes;
  const isCrowded = share.usedBytes > (isLarge ? largeCrowdBytes : usualCrowdBytes);
  const takesPages = isLarge ? isCrowded || mayBeConverted : isCrowded && length >= minPageBytes;
  if (takesPages) return inOne(allocatePages(length), source);
  return isLarge ? inOne(Buffer.allocUnsafeSlow(length), source) : inPieces();
}

/**
 * Such memory goes back to the system as soon as it is free. It costs more to have: the system gives it page by page. What the C
 * library has given back to it once in a large piece, it gives such pieces a place among small ones from then on, and keeps the hole.
 */
function allocatePages(length: number): Buffer {
  return Buffer.from(new ArrayBuffer(length, { maxByteLength: length }), 0, length);
}

/** In one piece from the start. Each piece is given back at once: left to the garbage collector they would be memory once more. */
function inOne(whole: Buffer, { givesPieces = false }: RequestSource): BodyStore {
  let at = 0;
  return {
    keep(piece) {
      at += piece.copy(whole, at);
      if (givesPieces) freeBuffer(piece);
    },
    body: () => whole.subarray(0, at),
  };
}

/** Each piece of a body takes more than a hundred bytes of memory beside its own, so many small ones are joined. */
const maxPieces = 1024;
const smallPieceBytes = 1024;

function inPieces(): BodyStore {
  const pieces: Buffer[] = [];
  let fresh = { from: 0, size: 0 };
  return {
    keep(piece) {
      pieces.push(piece);
      fresh.size += piece.length;
      if (pieces.length - fresh.from < maxPieces) return;
      if (fresh.size < maxPieces * smallPieceBytes) pieces.push(Buffer.concat(pieces.splice(fresh.from)));
      fresh = { from: pieces.length, size: 0 };
    },
    body: () => (pieces.length > 1 ? pieces : (pieces[0] ?? Buffer.alloc(0))),
  };
}

function ignore(): void {}

function collect(
  source: Readable,
  { takenBytes, store, ...limits }: BodyLimits & { takenBytes: number; store: BodyStore },
): Promise<Body> {
  const { maxBytes, stallMs, stallBytes, share, signal, timers } = limits;
  return new Promise((resolve, reject) => {
    let size = 0;
    let isWaiting = false;

    const arrival = watchArrival({
      ...{ stallMs, stallBytes, timers },
      isWaiting: () => isWaiting,
      onSlow: () => fail(bodyTooSlow(limits)),
    });

    function onData(chunk: Buffer): void {
      size += chunk.length;
      arrival.arrived(chunk.length);
      if (size > maxBytes) return fail(bodyTooLarge(maxBytes));
      store.keep(chunk);
      if (size > takenBytes) takeMore();
    }

    function takeMore(): void {
      const more = size - takenBytes;
      takenBytes = size;
      try {
        const turn = share.grow(more);
        if (!turn) return;
        isWaiting = true;
        source.pause();
        turn.then(() => {
          isWaiting = false;
          source.resume();
        }, fail);
      } catch (error) {
        fail(error);
      }
    }

    function onEnd(): void {
      settle();
      resolve(store.body());
    }

    function onAbort(): void {
      fail(signal.reason);
    }

    function fail(error: unknown): void {
      settle();
      reject(error);
    }

    function settle(): void {
      arrival.stop();
      source.off("data", onData);
      source.off("end", onEnd);
      // The source lives as long as the answer, and `fail` would keep the pieces as long; a late error is nobody's.
      source.off("error", fail);
      source.on("error", ignore);
      signal.removeEventListener("abort", onAbort);
    }

    source.on("data", onData);
    source.on("end", onEnd);
    source.on("error", fail);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
