// One client's WebSocket and the provider's side of it: requests go through the relay's pipeline one after another, and the end
// of either side is the end of the other.

import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Account } from "../accounts/account.ts";
import type { Dialect, Route } from "../dialects/dialect.ts";
import { type ClientFrame, readClientFrame } from "../dialects/openai-frame.ts";
import type { HeaderMap } from "../domain/call.ts";
import { stackOf } from "../domain/errors.ts";
import { answerPings } from "../network/web-socket.ts";
import { type BodyStall, bodyStall } from "../relay/body-stall.ts";
import type { ClientConnection } from "../relay/client.ts";
import { type Exchange, type RelayDeps, ShutdownAbort } from "../relay/exchange.ts";
import { relay } from "../relay/relay.ts";
import type { AnswerObserver } from "../usage/observer.ts";
import type { Departures } from "./departures.ts";
import type { Endpoints } from "./endpoints.ts";
import { FrameIntake, type Refusal } from "./frame-intake.ts";
import { reportRefusal } from "./refused-frame.ts";
import { type ClientSocket, closeCodes, createSocketSink, type SocketSinkOptions } from "./socket-sink.ts";
import { overLine } from "./transports.ts";
import { UpstreamLine } from "./upstream-line.ts";

/** The upgrade request's headers and query, which count for each request over the connection. */
export interface Opening {
  headers: HeaderMap;
  rawHeaders: readonly string[];
  query: string;
  dialect: Dialect;
  route: Route;
  /** The client key's name. */
  client: string;
  /** The session, scoped and hashed; undefined: the upgrade named none. */
  sessionKey: string | undefined;
}

export interface ConnectionOptions {
  opening: Opening;
  deps: RelayDeps;
  endpoints: Endpoints;
  departures: Departures;
  /** An id for a request. */
  newId(): string;
  sink?: SocketSinkOptions;
  stall?: BodyStall;
  /** Whether its key, its account and its age let it take a request. */
  isWanted(): boolean;
  /** All is over, also what was under way. */
  onEnd(): void;
}

/** A request as it came, with what was read in it. */
interface Received extends ClientFrame {
  frame: Buffer;
}

/** Requests that wait for the answer of the one before; the provider's own limit is as low. */
const maxWaiting = 16;

export class SocketConnection implements ClientConnection {
  readonly opening: Opening;
  readonly line: UpstreamLine;
  readonly #options: ConnectionOptions;
  #client: WebSocket | undefined;
  #below: Duplex | undefined;
  #running: AbortController | undefined;
  #intake: FrameIntake | undefined;
  readonly #waiting: Received[] = [];
  #waitingBytes = 0;
  /** No request is taken any more. */
  #isClosing = false;
  #isDraining = false;
  /**
   * The conversation carries what was encrypted for its account, or will do so when its client sends it again: as over HTTP, nobody
   * else is asked to go on with it.
   */
  #isEncrypted = false;
  #answer: AnswerObserver | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.opening = options.opening;
    this.line = new UpstreamLine({
      endpoints: options.endpoints,
      providerUrls: () => options.deps.config().upstream.providerUrls,
      onIdleFrame: (frame) => this.#sendIdle(frame),
      onClose: (code, reason) => this.#upstreamClosed(code, reason),
    });
  }

  get accountId(): string | undefined {
    return this.line.accountId;
  }

  get isOpening(): boolean {
    return this.#client === undefined;
  }

  get isIdle(): boolean {
    return this.#running === undefined;
  }

  canLeadTo(...asked: Parameters<ClientConnection["canLeadTo"]>): boolean {
    return this.line.canLeadTo(...asked);
  }

  mayLeave(account: Account | undefined): boolean {
    const { sessionKey } = this.opening;
    if (account === undefined) return true;
    if (this.#isEncrypted && account.config.enabled) return false;
    return sessionKey === undefined || !this.#options.departures.has(sessionKey, account.config.id);
  }

  leaves(accountId: string): void {
    const { sessionKey } = this.opening;
    if (sessionKey !== undefined) this.#options.departures.add(sessionKey, accountId);
  }

  /** The client is there. */
  begin(accepted: ClientSocket): void {
    const client = accepted.socket;
    this.#client = client;
    this.#below = accepted.connection;
    client.on("message", (data: Buffer, isBinary: boolean) => {
      try {
        this.#receive(data, isBinary);
      } catch (error) {
        this.#fault(error);
      }
    });
    const { deps, stall = bodyStall } = this.#options;
    const onRefused = (why: Refusal) => this.#refuse(why);
    this.#intake = new FrameIntake(accepted, { memory: deps.memory, stall, timers: deps.timers, onRefused });
    answerPings(client);
    // A fault is reported by the close, too: 1009 for a message that is too long.
    client.on("error", () => {});
    client.once("close", (code: number) => this.#clientClosed(code));
    // It was retired while it was being opened.
    if (this.#isDraining) this.#close(closeCodes.restart);
  }

  /** Ends both sides with this code once no request is under way. */
  retire(code: number): void {
    this.#isDraining = true;
    if (this.isIdle) this.#close(code);
  }

  /** Breaks off what is under way. */
  abort(): void {
    this.#running?.abort(new ShutdownAbort("the relay goes down"));
    this.#isClosing = true;
    this.line.abandon();
    this.#client?.terminate();
  }

  #receive(frame: Buffer, isBinary: boolean): void {
    if (this.#isClosing) return;
    if (isBinary) return this.#close(closeCodes.tooBig);
    const read = readClientFrame(frame);
    if (!read.isRequest) return this.#pass(frame);
    if (this.isIdle) {
      const isTaken = !this.#isDraining && this.#options.isWanted();
      return isTaken ? this.#start({ ...read, frame }) : this.#close(closeCodes.restart);
    }
    this.#waitingBytes += frame.length;
    const { maxBodyBytes } = this.#options.deps.config().server;
    if (this.#waiting.length >= maxWaiting || this.#waitingBytes > maxBodyBytes) {
      return this.#close(closeCodes.tooBig);
    }
    this.#waiting.push({ ...read, frame });
    this.#intake?.setWaiting(this.#waitingBytes);
  }

  #refuse(why: Refusal): void {
    const { code, reason } = reportRefusal(why, this.opening, this.#options);
    this.#close(code, Buffer.from(reason));
  }

  #start(received: Received): void {
    this.#run(received).catch(this.#fault);
  }

  /** Something threw that must not: this one connection is broken off. */
  readonly #fault = (error: unknown): void => {
    this.#options.deps.log.error({ client: this.opening.client, err: stackOf(error) }, "internal error");
    this.#running = undefined;
    this.#isClosing = true;
    if (this.#client?.readyState === this.#client?.CLOSED) this.#ended();
    else this.#client?.terminate();
  };

  /** A frame that speaks of a request, as it is. A provider that reads nothing does not get more and more of them. */
  #pass(frame: Buffer): void {
    if (this.line.waitingBytes > this.#options.deps.config().server.maxBodyBytes)
      return this.#close(closeCodes.tooBig);
    this.line.send(frame);
  }

  /** A frame that came while no request was under way. A client that reads nothing does not get more and more of them. */
  #sendIdle(frame: Buffer): void {
    const client = this.#client;
    if (client === undefined) return;
    if (client.bufferedAmount > this.#options.deps.config().server.maxBodyBytes) client.terminate();
    else client.send(frame, { binary: false });
  }

  async #run(received: Received): Promise<void> {
    const { deps, newId } = this.#options;
    const client = this.#client!;
    const running = new AbortController();
    this.#running = running;
    const sink = createSocketSink(
      { socket: client, connection: this.#below! },
      { timers: deps.timers, ...this.#options.sink },
    );
    const id = newId();
    this.#isEncrypted = received.hasEncrypted || (received.isContinuation && this.#isEncrypted);
    try {
      await relay(this.#exchange(received, { id, sink, signal: running.signal }), deps);
    } catch (error) {
      deps.log.error({ request: id, err: String(error) }, "internal error");
      sink.breakOff();
    }
    this.#running = undefined;
    this.#learn(received, this.#answer);
    this.#answer = undefined;
    if (client.readyState !== client.OPEN) return this.#ended();
    if (sink.ending) return this.#close(sink.ending.code);
    if (this.line.accountId === undefined) return this.#close(closeCodes.fault);
    const next = this.#waiting.shift();
    this.#waitingBytes -= next?.frame.length ?? 0;
    this.#intake?.setWaiting(this.#waitingBytes);
    if (this.#isDraining || (next && !this.#options.isWanted())) this.#close(closeCodes.restart);
    else if (next) this.#start(next);
  }

  #learn({ isContinuation }: Received, answer: AnswerObserver | undefined): void {
    this.#isEncrypted ||= answer?.encrypted !== undefined;
    const { sessionKey } = this.opening;
    const isGood = answer?.complete === true && answer.lateError === undefined;
    if (isGood && isContinuation && sessionKey !== undefined) this.#options.departures.forget(sessionKey);
  }

  #exchange({ frame, isWarmUp }: Received, given: Pick<Exchange, "id" | "sink" | "signal">): Exchange {
    const { headers, rawHeaders, query, dialect, route } = this.opening;
    return {
      ...given,
      source: { method: "POST", headers, rawHeaders, body: frame },
      ...{ dialect, route, query },
      receivedAt: this.#options.deps.now(),
      transport: overLine(this.line, (answer) => (this.#answer = answer)),
      connection: this,
      isWarmUp,
    };
  }

  #upstreamClosed(code: number, reason: Buffer): void {
    // While a request is under way its attempt hears of it, and may lead elsewhere.
    if (this.isIdle) this.#close(sendable(code), reason);
  }

  #clientClosed(code: number): void {
    this.#isClosing = true;
    this.#intake?.end();
    this.#waiting.length = 0;
    this.#running?.abort(new Error("the client has left"));
    if (code === closeCodes.tooBig) this.line.close(code);
    else this.line.abandon();
    if (this.isIdle) this.#ended();
  }

  /** The client's side is closed; the provider's follows when the client has answered. */
  #close(code: number, reason?: Buffer): void {
    const client = this.#client;
    this.#isClosing = true;
    if (!client || client.readyState > client.OPEN) return;
    client.close(code, reason);
  }

  #ended(): void {
    this.line.abandon();
    this.#options.onEnd();
  }
}

/** Codes that only stand for the want of one cannot be sent. */
function sendable(code: number): number {
  return code === 1005 || code === 1006 || code === 1015 ? closeCodes.fault : code;
}
