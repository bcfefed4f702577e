// An open socket to a provider as the one connection of a dispatcher: a request goes out as a frame, and the frames that come
// back are the pieces of its answer.

import type { Dispatcher } from "undici";
import type { WebSocket } from "ws";
import type { SocketProtocol } from "../account-kinds/upstream.ts";
import { describeExchange } from "../network/faults.ts";
import { closeCodes } from "./socket-sink.ts";

export interface FrameSocketOptions {
  /** Open, and paused. */
  socket: WebSocket;
  protocol: SocketProtocol;
  /** scheme://host[:port], for messages. */
  origin: string;
  /** The account's id. */
  accountId: string;
  /** Identifies the address and the credential that it was opened with. */
  key: string;
  /** Epoch ms. */
  openedAt: number;
  /** A frame that belongs to no request. */
  onIdleFrame(frame: Buffer): void;
  onLimits(frame: Buffer): void;
  onResponse(id: string): void;
  /** Reading a frame has thrown. The socket is closed, since nobody knows what has been missed. */
  onFault(error: unknown): void;
  /** Called once. */
  onClose(code: number, reason: Buffer): void;
}

interface Answering {
  handler: Dispatcher.DispatchHandler;
  controller: Dispatcher.DispatchController;
  hasStarted: boolean;
}

export class FrameSocket implements Pick<Dispatcher, "dispatch"> {
  readonly #options: FrameSocketOptions;
  #answering: Answering | undefined;
  /** What it was closed with from this side, for a fault of the provider's. */
  #closeCode: number | undefined;

  constructor(options: FrameSocketOptions) {
    this.#options = options;
    const { socket } = options;
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      try {
        // Frames are text; a provider that sends others does not speak this API.
        if (isBinary) this.close(closeCodes.tooBig);
        else this.#receive(data);
      } catch (error) {
        // From a listener it would end the process.
        options.onFault(error);
        this.terminate();
      }
    });
    // The close that follows has no code where the provider does not answer the one that it gets.
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") this.#closeCode = closeCodes.tooBig;
    });
    socket.once("close", (code: number, reason: Buffer) => this.#closed(this.#closeCode ?? code, reason));
    socket.resume();
  }

  get accountId(): string {
    return this.#options.accountId;
  }

  get protocol(): SocketProtocol {
    return this.#options.protocol;
  }

  get key(): string {
    return this.#options.key;
  }

  get openedAt(): number {
    return this.#options.openedAt;
  }

  get waitingBytes(): number {
    return this.#options.socket.bufferedAmount;
  }

  get isOpen(): boolean {
    const { socket } = this.#options;
    return socket.readyState === socket.OPEN;
  }

  /** One request at a time: the next one when the answer of the one before has ended. */
  dispatch({ body }: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const { socket } = this.#options;
    const controller = this.#controllerOf(handler);
    handler.onRequestStart?.(controller, {});
    if (controller.aborted) return true;
    this.#answering = { handler, controller, hasStarted: false };
    socket.send(joined(body), { binary: false }, (error) => {
      // What fails on sending closes the socket, too.
      if (!error) handler.onRequestSent?.();
    });
    return true;
  }

  /** Hands on a frame that is no request. */
  send(frame: Buffer): void {
    if (this.isOpen) this.#options.socket.send(frame, { binary: false });
  }

  close(code: number, reason?: Buffer): void {
    if (code === closeCodes.tooBig) this.#closeCode = code;
    this.#options.socket.close(code, reason);
    // A paused socket would not see the other side's close.
    this.#options.socket.resume();
  }

  /** The close that follows is not reported. */
  abandon(): void {
    this.#options.onClose = () => {};
    if (this.#answering) this.#options.socket.terminate();
    else this.close(1000);
  }

  terminate(): void {
    this.#options.socket.terminate();
  }

  #controllerOf(handler: Dispatcher.DispatchHandler): Dispatcher.DispatchController {
    const { socket } = this.#options;
    const isCurrent = () => this.#answering?.handler === handler;
    const controller = {
      aborted: false,
      paused: false,
      reason: null as Error | null,
      rawHeaders: null,
      rawTrailers: null,
      pause() {
        // An answer that has ended has no say in the next one's flow.
        controller.paused = isCurrent();
        if (controller.paused) socket.pause();
      },
      resume() {
        controller.paused = false;
        if (isCurrent()) socket.resume();
      },
      abort: (reason: Error) => {
        if (controller.aborted) return;
        controller.aborted = true;
        controller.reason = reason;
        if (!isCurrent()) return;
        // An answer that nobody wants cannot be distinguished from the next one.
        this.#answering = undefined;
        socket.terminate();
      },
    };
    return controller;
  }

  #receive(frame: Buffer): void {
    const { protocol, onIdleFrame, onLimits, onResponse } = this.#options;
    const { isLimits, isLast, status, headers, responseId } = protocol.readFrame(frame);
    if (responseId !== undefined) onResponse(responseId);
    if (isLimits) {
      onLimits(frame);
      if (protocol.hidesLimits) return;
    }
    const answering = this.#answering;
    if (!answering) return onIdleFrame(frame);
    const { handler, controller } = answering;
    if (!answering.hasStarted) {
      answering.hasStarted = true;
      handler.onResponseStart?.(controller, status ?? 200, { ...headers }, "");
    }
    handler.onResponseData?.(controller, frame);
    if (!isLast) return;
    if (this.#answering === answering) this.#answering = undefined;
    handler.onResponseEnd?.(controller, {});
    // A pause for this answer is not needed any more.
    this.#options.socket.resume();
  }

  #closed(code: number, reason: Buffer): void {
    const answering = this.#answering;
    this.#answering = undefined;
    if (answering) {
      const { origin } = this.#options;
      const error = Object.assign(new Error(`the socket closed with code ${code}`), { code: "ECONNRESET" });
      const stage = answering.hasStarted ? "answering" : "sent";
      describeExchange(error, { origin, stage, stale: false });
      answering.handler.onResponseError?.(answering.controller, error);
    }
    this.#options.onClose(code, reason);
  }
}

function joined(body: Dispatcher.DispatchOptions["body"]): Buffer {
  if (Buffer.isBuffer(body)) return body;
  if (body === null || body === undefined) return Buffer.alloc(0);
  return Buffer.concat([...(body as unknown as Iterable<Buffer>)]);
}
