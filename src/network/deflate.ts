// The compression of WebSockets (RFC 7692), in small steps: `ws` sends each frame through the thread pool three times, and keeps 300 KiB
// for each socket. A provider's frames are small and many, so that here a frame costs a third of that, and a socket 64 KiB.

import { constants, deflateRaw, inflateRaw, inflateRawSync } from "node:zlib";
import type { WebSocket } from "ws";

/** What `ws` 8 has on a socket that has negotiated it; the methods are those that its receiver and sender call. */
interface Extension {
  params: Record<string, unknown>;
  decompress(data: Buffer, fin: boolean, callback: Done): void;
  compress(data: Buffer | string, fin: boolean, callback: Done): void;
}

type Done = (error: Error | null, data?: Buffer) => void;

export const deflateOptions = {
  /** Shorter frames are not worth it. */
  threshold: 4096,
  clientNoContextTakeover: true,
} as const;

/** The end of each message, which is not sent (section 7.2.1). */
const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const windowBytes = 32 * 1024;
/** Frames shrink to a tenth; what claims more is a bomb, and each of many sockets may bring one. */
const maxRatio = 50;
const minBoundBytes = 4 * 1024 * 1024;
/** What is longer may be very long when it is inflated: the thread pool does it. */
const maxBytesAtOnce = 16 * 1024;
const none = Buffer.alloc(0);

const tooLongCode = 1009;
const invalidCode = 1007;

/** Once the socket is open. Does nothing where no compression was negotiated. */
export function deflateInSteps(socket: WebSocket, maxMessageBytes: number): void {
  const { _extensions: extensions } = socket as unknown as { _extensions?: Record<string, Extension> };
  const extension = extensions?.["permessage-deflate"];
  if (extension === undefined) return;
  const { params } = extension;
  const inflate = createInflate(params, maxMessageBytes);
  extension.decompress = (data, fin, callback) => {
    inflate(data, fin, (error, inflated) => {
      if (!error) return callback(null, inflated);
      socket.close(isTooLong(error) ? tooLongCode : invalidCode);
      const code = isTooLong(error) ? "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" : "WS_ERR_INVALID_DEFLATE";
      callback(Object.assign(new Error(error.message, { cause: error }), { code }));
    });
  };
  const windowBits = bitsOf(params.client_max_window_bits);
  // A message that refers to none before it can be read with and without them.
  extension.compress = (data, fin, callback) => {
    deflateRaw(data, { windowBits, finishFlush: constants.Z_SYNC_FLUSH }, (error, deflated) => {
      if (error) callback(error);
      else callback(null, fin ? deflated.subarray(0, -tail.length) : deflated);
    });
  };
}

function createInflate(params: Extension["params"], maxMessageBytes: number) {
  const windowBits = bitsOf(params.server_max_window_bits);
  const keepsWindow = !params.server_no_context_takeover;
  let pieces: Buffer[] = [];
  /** The end of all that was inflated: messages refer to it. */
  let history = none;
  let end = 0;

  const keep = (data: Buffer) => {
    if (!keepsWindow) return;
    const kept = data.subarray(-windowBytes);
    if (history.length === 0) history = Buffer.allocUnsafeSlow(2 * windowBytes);
    if (end + kept.length > history.length) {
      history.copyWithin(0, end - windowBytes, end);
      end = windowBytes;
    }
    kept.copy(history, end);
    end += kept.length;
  };

  return (data: Buffer, fin: boolean, callback: Done): void => {
    pieces.push(data);
    if (!fin) return process.nextTick(callback, null, none);
    const message = Buffer.concat([...pieces, tail]);
    pieces = [];
    const maxOutputLength = Math.min(maxMessageBytes, minBoundBytes + maxRatio * message.length);
    const options = {
      ...{ windowBits, maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH },
      // The usual 16 KiB are garbage of their own for each frame; what is smaller comes out of a pool.
      chunkSize: Math.min(16 * 1024, Math.max(1024, message.length * 8)),
      ...(end > 0 && { dictionary: history.subarray(Math.max(0, end - windowBytes), end) }),
    };
    const done: Done = (error, inflated) => {
      if (inflated) keep(inflated);
      callback(error, inflated);
    };
    if (message.length > maxBytesAtOnce) return inflateRaw(message, options, done);
    try {
      // Never at once: the receiver goes on with the next frame from within the callback.
      process.nextTick(done, null, inflateRawSync(message, options));
    } catch (error) {
      process.nextTick(done, error as Error);
    }
  };
}

function bitsOf(negotiated: unknown): number {
  return typeof negotiated === "number" ? negotiated : constants.Z_DEFAULT_WINDOWBITS;
}

function isTooLong(error: NodeJS.ErrnoException): boolean {
  return error.code === "ERR_BUFFER_TOO_LARGE";
}
