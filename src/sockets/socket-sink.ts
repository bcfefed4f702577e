// A client's WebSocket as the pipeline's sink: each piece of an answer is one text frame.

import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { parseJson } from "../json/json-values.ts";
import { createStallWatch } from "../network/stall.ts";
import type { AnswerHead, ClientSink } from "../relay/client.ts";
import type { Timers } from "../time/timers.ts";

export interface SocketSinkOptions {
  /** A client that reads nothing for so long, while something waits for it, is disconnected; a tenth later at most. */
  stallTimeoutMs?: number;
  /** More than this waits for the client: the provider is paused. */
  highWaterBytes?: number;
  /** The system's when absent. */
  timers?: Timers;
}

/** How the client's connection goes on after an answer; undefined: it stays open. */
export interface Ending {
  code: number;
}

export interface SocketSink extends ClientSink {
  readonly ending: Ending | undefined;
}

/** RFC 6455, section 7.4.1, and the codes that IANA has added. */
export const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  refused: 1008,
  tooBig: 1009,
  fault: 1011,
  restart: 1012,
  tryAgain: 1013,
} as const;

/** Codex goes to HTTP when the next upgrade is refused: nothing is said of it here. */
const silentCodes: ReadonlySet<string> = new Set(["upgrade_required", "draining"]);

/** A client's WebSocket, and the connection below it. */
export interface ClientSocket {
  socket: WebSocket;
  connection: Duplex;
}

export function createSocketSink(
  { socket: client, connection }: ClientSocket,
  options: SocketSinkOptions = {},
): SocketSink {
  const { stallTimeoutMs = 900_000, highWaterBytes = 256 * 1024 } = options;
  const listeners = new Set<() => void>();
  let relayError: string | undefined;
  let status = 200;
  let errorHeaders: Record<string, string> = {};
  let hasStarted = false;
  let isWaiting = false;
  let ending: Ending | undefined;
  let isCorked = false;
  const stall = createStallWatch(connection, {
    limitMs: stallTimeoutMs,
    ...(options.timers && { timers: options.timers }),
    onStall: () => client.terminate(),
  });

  /** Frames that come in one piece from the provider go to the client in one, too. */
  const cork = () => {
    if (isCorked) return;
    isCorked = true;
    connection.cork();
    // Frames that have to be inflated come one in each tick.
    setImmediate(() => {
      isCorked = false;
      connection.uncork();
    });
  };
  const sent = () => {
    if (client.bufferedAmount === 0) stall.stop();
    if (!isWaiting || client.bufferedAmount > highWaterBytes / 2) return;
    isWaiting = false;
    for (const listener of listeners) listener();
  };
  const send = (frame: Buffer | string) => {
    if (client.readyState !== client.OPEN) return;
    cork();
    client.send(frame, { binary: false }, sent);
  };
  const endWith = (code: number) => {
    ending ??= { code };
  };

  return {
    keepsPieces: true,
    get hasStarted() {
      return hasStarted;
    },
    get ending() {
      return ending;
    },
    start(head) {
      hasStarted = true;
      ({ relayError, status, errorHeaders } = readHead(head));
    },
    flush() {},
    write(chunk) {
      send(chunk);
      if (client.bufferedAmount <= highWaterBytes) return true;
      isWaiting = true;
      stall.begin();
      return false;
    },
    onDrain(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    end(rest = "") {
      if (relayError === undefined) return rest.length > 0 ? send(rest) : undefined;
      if (silentCodes.has(relayError)) return endWith(closeCodes.restart);
      send(errorFrame(status, errorHeaders, rest.toString()));
      endWith(closeCodes.normal);
    },
    endWithError(last) {
      send(last);
      endWith(closeCodes.fault);
    },
    breakOff() {
      endWith(closeCodes.fault);
    },
  };
}

/** Errors of the relay's own are recognised by their head; a provider's are frames already. */
function readHead({ status, headers }: AnswerHead) {
  const named: Record<string, string> = {};
  for (let at = 0; at + 1 < headers.length; at += 2) named[headers[at]!.toLowerCase()] = headers[at + 1]!;
  const { "content-type": _, "content-length": __, ...errorHeaders } = named;
  return { relayError: named["x-cc-relay-error"], status, errorHeaders };
}

/** As the API itself reports an error: `{"type":"error","status":N,"error":{…},"headers":{…}}`. */
function errorFrame(status: number, headers: Record<string, string>, body: string): string {
  const parsed = parseJson(body);
  const fields = typeof parsed === "object" && parsed !== null ? parsed : {};
  return JSON.stringify({ type: "error", status, ...fields, headers });
}
