// The scripted provider's WebSocket: it keeps what a socket has answered in that socket's memory alone, as OpenAI does, and does
// what a test wants it to do with single upgrades and single requests.

import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type WebSocket, WebSocketServer } from "ws";
import type { WireEvent } from "../../src/demo/provider/generation.ts";
import { noTokens, type TokenCounts } from "../../src/usage/observer.ts";
import { type Behaviour, objectField, type RecordedRequest, stringField } from "./behaviour.ts";
import { openaiFailedEvent, openaiScript } from "./openai-script.ts";
import { inventUsage } from "./script.ts";

export interface Refusal {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** What becomes of a request instead of a whole answer. */
export type CreateFault =
  | {
      kind: "error";
      status?: number;
      error: Record<string, unknown>;
      headers?: Record<string, string>;
      after?: number;
    }
  | { kind: "failed"; code: string; after?: number }
  /** Closes with this code, or cuts TCP without one, after so many frames. */
  | { kind: "close"; code: number | undefined; after?: number }
  | { kind: "binary" }
  /** Any text in the place of the first frame. */
  | { kind: "frame"; text: string }
  /** Stops after so many frames, and leaves the socket open. */
  | { kind: "silent"; after?: number }
  /** Waits before each frame. */
  | { kind: "slow"; ms: number };

export interface RecordedUpgrade {
  credential: string;
  path: string;
  headers: IncomingMessage["headers"];
  accepted: boolean;
}

export interface RecordedCreate {
  credential: string;
  /** Counts sockets from 0. */
  socket: number;
  frame: Buffer;
  json: Record<string, unknown>;
  outcome: "open" | "complete" | "fault" | "unknown-response";
  usage: TokenCounts;
}

export interface SocketScript {
  readonly upgrades: readonly RecordedUpgrade[];
  readonly creates: readonly RecordedCreate[];
  /** Frames of other types. */
  readonly others: readonly Buffer[];
  /** Sockets open now. */
  readonly open: number;
  readonly sockets: ReadonlySet<WebSocket>;
  /** How the client's side closed, in order. */
  readonly closes: readonly number[];
  /** For the next upgrades with this credential, one each. */
  refuse(credential: string, ...refusals: Refusal[]): void;
  /** For every upgrade from now on; undefined: none is refused. */
  refuseAll(refusal: Refusal | undefined): void;
  /** For every other upgrade: undefined: it is accepted. */
  refusalOf: (() => Refusal | undefined) | undefined;
  /** For the next requests with this credential, one each; undefined: a whole answer. */
  fault(credential: string, ...faults: (CreateFault | undefined)[]): void;
  /** For every other request: what becomes of it; undefined: a whole answer. */
  faultOf: ((create: RecordedCreate) => CreateFault | undefined) | undefined;
  /** What the model says; the request's `input` is the whole conversation. */
  answerWith(model: (request: RecordedRequest) => Behaviour): void;
  /** A warm-up reports its usage; the service does not. */
  countsWarmUps: boolean;
  /** Sent before each answer. */
  limits: Record<string, unknown> | undefined;
  /** Headers of the 101. */
  headers: Record<string, string>;
  /** Upgrades that were asked for, answered or not. */
  readonly dialled: number;
  /** Waits before it answers an upgrade. */
  upgradeDelayMs: number;
  /** Answers an upgrade when this is settled. */
  upgradeWaits: (() => Promise<unknown>) | undefined;
  closeAll(code: number | undefined): void;
  attach(server: Server): void;
}

/** @param firstIndex of the responses' ids: those of several providers are to be unlike each other. */
export function createSocketScript({ firstIndex = 0 } = {}): SocketScript {
  const upgrades: RecordedUpgrade[] = [];
  const creates: RecordedCreate[] = [];
  const others: Buffer[] = [];
  const closes: number[] = [];
  const sockets = new Set<WebSocket>();
  const refusals = new Map<string, Refusal[]>();
  const faults = new Map<string, (CreateFault | undefined)[]>();
  let refusedAll: Refusal | undefined;
  let model = (_: RecordedRequest): Behaviour => ({});
  let socketCount = 0;
  let dialled = 0;
  const acceptor = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: true });
  acceptor.on("headers", (lines) => {
    for (const [name, value] of Object.entries(script.headers)) lines.push(`${name}: ${value}`);
  });

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const credential = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    dialled++;
    if (script.upgradeDelayMs > 0) await sleep(script.upgradeDelayMs);
    await script.upgradeWaits?.();
    const refusal = refusals.get(credential)?.shift() ?? refusedAll ?? script.refusalOf?.();
    upgrades.push({
      ...{ credential, path: request.url ?? "", headers: request.headers },
      accepted: refusal === undefined,
    });
    if (refusal) return refuse(socket, refusal);
    acceptor.handleUpgrade(request, socket, head, (accepted) => converse(accepted, credential));
  }

  function converse(socket: WebSocket, credential: string): void {
    const number = socketCount++;
    /** The conversation up to and including each response of this socket. */
    const memory = new Map<string, unknown[]>();
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", (code) => {
      sockets.delete(socket);
      closes.push(code);
    });
    socket.on("message", (frame: Buffer) => {
      const json = JSON.parse(frame.toString()) as Record<string, unknown>;
      if (json.type !== "response.create") return void others.push(frame);
      const create: RecordedCreate = {
        ...{ credential, socket: number, frame, json },
        outcome: "open",
        usage: { ...noTokens },
      };
      creates.push(create);
      void respond(socket, create, memory);
    });
  }

  async function respond(
    socket: WebSocket,
    create: RecordedCreate,
    memory: Map<string, unknown[]>,
  ): Promise<void> {
    const { json, credential } = create;
    const send = (frame: unknown) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
    const previous = stringField(json, "previous_response_id");
    const known = previous === undefined ? [] : memory.get(previous);
    const fault = faults.get(credential)?.shift() ?? script.faultOf?.(create);
    if (fault?.kind === "binary" || fault?.kind === "frame") {
      create.outcome = "fault";
      return fault.kind === "frame"
        ? socket.send(fault.text)
        : socket.send(Buffer.from("{}"), { binary: true });
    }
    if (script.limits) send({ type: "codex.rate_limits", ...script.limits });
    if (known === undefined) {
      create.outcome = "unknown-response";
      return send(notFound(previous!));
    }
    const breakAfter = fault && fault.kind !== "slow" ? (fault.after ?? 0) : Number.POSITIVE_INFINITY;
    const input = [...known, ...((json.input as unknown[] | undefined) ?? [])];
    const index = firstIndex + creates.indexOf(create);
    const frames = framesOf({ json, input, index, countsWarmUps: script.countsWarmUps }, model);
    for (const [at, frame] of frames.entries()) {
      if (at >= breakAfter) break;
      // A client that has left keeps no process.
      if (fault?.kind === "slow") await sleep(fault.ms, undefined, { ref: false });
      if (at === frames.length - 1) finish(create, memory, frame, input);
      send(frame);
    }
    if (!fault || fault.kind === "slow") return;
    create.outcome = "fault";
    switch (fault.kind) {
      case "silent":
        return;
      case "error":
        return send({ type: "error", status: fault.status, error: fault.error, headers: fault.headers });
      case "failed":
        return send(openaiFailedEvent(fault.code));
      case "close":
        // What was sent is to arrive: a cut drops what is still in this process.
        if (breakAfter > 0) await sleep(50);
        return fault.code === undefined ? socket.terminate() : socket.close(fault.code);
    }
  }

  const script: SocketScript = {
    upgrades,
    creates,
    others,
    closes,
    get open() {
      return sockets.size;
    },
    sockets,
    countsWarmUps: false,
    limits: undefined,
    headers: {},
    get dialled() {
      return dialled;
    },
    upgradeDelayMs: 0,
    upgradeWaits: undefined,
    faultOf: undefined,
    refusalOf: undefined,
    refuse: (credential, ...more) =>
      void refusals.set(credential, [...(refusals.get(credential) ?? []), ...more]),
    refuseAll(refusal) {
      refusedAll = refusal;
    },
    fault: (credential, ...more) => void faults.set(credential, [...(faults.get(credential) ?? []), ...more]),
    answerWith(next) {
      model = next;
    },
    closeAll(code) {
      for (const socket of sockets) code === undefined ? socket.terminate() : socket.close(code);
    },
    attach(server) {
      server.on("upgrade", (request, socket, head) => {
        socket.on("error", () => {});
        void upgrade(request, socket, head);
      });
    },
  };
  return script;
}

function refuse(socket: Duplex, { status, headers = {}, body = {} }: Refusal): void {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const lines = Object.entries({
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    connection: "close",
    ...headers,
  });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.end(`HTTP/1.1 ${status} Refused\r\n${head}\r\n${text}`);
}

function notFound(id: string): unknown {
  return {
    type: "error",
    status: 400,
    error: {
      type: "invalid_request_error",
      code: "previous_response_not_found",
      message: `Previous response with id '${id}' not found.`,
      param: "previous_response_id",
    },
  };
}

interface Asked {
  json: Record<string, unknown>;
  /** The whole conversation. */
  input: unknown[];
  index: number;
  countsWarmUps: boolean;
}

function framesOf(
  { json, input, index, countsWarmUps }: Asked,
  model: (request: RecordedRequest) => Behaviour,
): unknown[] {
  const request = {
    index,
    method: "POST",
    path: "/v1/responses",
    headers: {},
    json: { ...json, input, stream: true },
    model: stringField(json, "model"),
  } as unknown as RecordedRequest;
  const isWarmUp = json.generate === false;
  const behaviour = isWarmUp ? { content: [] } : model(request);
  const usage = inventUsage(index, behaviour.usage);
  const answer = openaiScript.answer(request, behaviour, usage);
  const events = [...(answer?.events ?? [])] as Exclude<WireEvent, string>[];
  return events.map(({ data }) =>
    withStore(data, { store: json.store, isWarmUp: isWarmUp && !countsWarmUps }),
  );
}

/** As the service does: a warm-up reports no usage. */
function withStore(data: unknown, { store, isWarmUp }: { store: unknown; isWarmUp: boolean }): unknown {
  const response = objectField(data, "response");
  if (response === undefined) return data;
  const changed = { ...response, store: store ?? true, ...(isWarmUp && { usage: null }) };
  return { ...(data as object), response: changed };
}

function finish(
  create: RecordedCreate,
  memory: Map<string, unknown[]>,
  last: unknown,
  input: unknown[],
): void {
  const response = objectField(last, "response");
  const id = stringField(response, "id");
  create.outcome = "complete";
  Object.assign(create.usage, openaiScript.usageIn(last));
  if (id !== undefined) memory.set(id, [...input, ...((response?.output as unknown[] | undefined) ?? [])]);
}
