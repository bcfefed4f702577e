// A scripted provider for tests: a real HTTP server that speaks Claude Messages, Gemini, Code Assist and OpenAI Responses,
// does what a test wants it to do with single requests, and remembers every request and every token it served.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { noTokens, type TokenCounts } from "../../src/usage/observer.ts";
import { breakConnection, decompress, writeAnswer } from "./answer-writer.ts";
import {
  type Behaviour,
  type RecordedRequest,
  type ScriptFamily,
  type Served,
  stringField,
} from "./behaviour.ts";
import { claudeScript } from "./claude-script.ts";
import { geminiScript } from "./gemini-script.ts";
import { codexPath, openaiScript } from "./openai-script.ts";
import { inventUsage, type Script, type ScriptedAnswer } from "./script.ts";
import type { SocketScript } from "./socket-script.ts";

/** A credential, or what must hold of a request; every field given must fit. */
export type Matcher =
  | string
  | ((request: RecordedRequest) => boolean)
  | {
      credential?: string;
      method?: string;
      path?: string | RegExp;
      model?: string | RegExp;
      family?: ScriptFamily;
      /** Only requests on a connection that had carried one before. */
      keptAlive?: boolean;
    };

export interface UpstreamOptions {
  /** Decides for `/v1/models`, which two families have; else the request's headers do. */
  family?: ScriptFamily;
  /** What every request gets that no rule matches. */
  behaviour?: Behaviour;
  /** Speaks WebSocket on `/v1/responses` as well, as this script says. */
  sockets?: SocketScript;
  /** The first request's number, which is in the ids of its answer; 0 when absent. Hosts of one conversation have numbers apart. */
  firstIndex?: number;
  /** Drops connections that were idle for so long, as providers do; Node's 5 s when absent. */
  keepAliveMs?: number;
}

export interface ScriptedUpstream {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  readonly requests: readonly RecordedRequest[];
  readonly served: readonly Served[];
  /** Connections open now. */
  readonly connections: number;
  /** A standing rule; the newest one that fits wins. A function decides request by request. */
  on(matcher: Matcher, behaviour: Behaviour | ((request: RecordedRequest) => Behaviour)): void;
  /** For the next requests that fit, one behaviour each; goes before every standing rule. */
  queue(matcher: Matcher, ...behaviours: Behaviour[]): void;
  /** Forgets rules, queues, requests and served answers. */
  reset(): void;
  /** Resolves with the requests once so many have arrived. */
  received(count: number): Promise<readonly RecordedRequest[]>;
  /** The sum of what was put on the wire, over all answers or those of one credential. */
  total(credential?: string): TokenCounts;
  /** Drops every connection, idle or not. */
  dropConnections(): void;
  close(): Promise<void>;
}

const scripts: Readonly<Record<ScriptFamily, Script>> = {
  claude: claudeScript,
  gemini: geminiScript,
  openai: openaiScript,
};

interface State {
  options: UpstreamOptions;
  requests: RecordedRequest[];
  served: Served[];
  rules: { matcher: Matcher; behaviour: Behaviour | ((request: RecordedRequest) => Behaviour) }[];
  queues: { matcher: Matcher; behaviours: Behaviour[] }[];
  sockets: Map<Socket, { number: number; uses: number }>;
  connectionCount: number;
  /** Counts on over `reset`, so that ids stay unique. */
  requestCount: number;
  waiting: { count: number; resolve: (requests: readonly RecordedRequest[]) => void }[];
}

export async function startUpstream(options: UpstreamOptions = {}): Promise<ScriptedUpstream> {
  const state: State = {
    options,
    requests: [],
    served: [],
    rules: [],
    queues: [],
    sockets: new Map(),
    connectionCount: 0,
    requestCount: options.firstIndex ?? 0,
    waiting: [],
  };
  const server = createServer(
    { keepAliveTimeout: options.keepAliveMs, maxHeaderSize: 256 * 1024 },
    (request, response) => {
      void serve(request, response, state);
    },
  );
  if (options.sockets) options.sockets.attach(server);
  // An upgrade is no request of a test's, and the provider without sockets has none to give.
  else server.on("upgrade", (_, socket) => socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n"));
  server.on("connection", (socket: Socket) => {
    state.sockets.set(socket, { number: state.connectionCount++, uses: 0 });
    socket.on("error", () => {});
    socket.once("close", () => state.sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return handle(server, state);
}

function handle(server: Server, state: State): ScriptedUpstream {
  const { port } = server.address() as AddressInfo;
  const dropConnections = () => {
    for (const socket of state.sockets.keys()) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests: state.requests,
    served: state.served,
    get connections() {
      return state.sockets.size;
    },
    on(matcher, behaviour) {
      state.rules.unshift({ matcher, behaviour });
    },
    queue(matcher, ...behaviours) {
      state.queues.push({ matcher, behaviours });
    },
    reset() {
      state.requests.length = 0;
      state.served.length = 0;
      state.rules.length = 0;
      state.queues.length = 0;
    },
    received(count) {
      return new Promise((resolve) => {
        state.waiting.push({ count, resolve });
        tellWaiting(state);
      });
    },
    total(credential) {
      const sum = { ...noTokens };
      for (const served of state.served) {
        if (credential === undefined || served.credential === credential) addTokens(sum, served.usage);
      }
      return sum;
    },
    dropConnections,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      dropConnections();
      await closed;
    },
  };
}

async function serve(incoming: IncomingMessage, response: ServerResponse, state: State): Promise<void> {
  const request = record(incoming, response, state);
  let behaviour = chooseBehaviour(request, state, "before-body");
  if (behaviour?.breakOff?.when === "before-body") return breakConnection(response, behaviour.breakOff.how);
  if (!(await readBody(incoming, request))) return;
  behaviour = behaviour ?? chooseBehaviour(request, state, "after-body") ?? {};
  if (behaviour.breakOff !== undefined) return breakConnection(response, behaviour.breakOff.how);
  if (behaviour.hang === true) return;

  const usage = inventUsage(request.index, behaviour.usage);
  const script = request.family === undefined ? undefined : scripts[request.family];
  const answer = script?.answer(request, behaviour, usage) ?? unknownRoute(request);
  const served = openServed(request, { answer, behaviour }, state);
  const result = await writeAnswer({
    response,
    answer,
    behaviour,
    gone: request.closed,
    onBytes: (bytes) => void request.sentPieces.push(bytes),
    onSent: (data) => {
      if (served !== undefined && script !== undefined) noteSent(served, script, data);
    },
  });
  if (served?.outcome === "open") served.outcome = result === "gone" ? "aborted" : "cut";
}

function record(incoming: IncomingMessage, response: ServerResponse, state: State): RecordedRequest {
  const url = new URL(incoming.url ?? "/", "http://upstream.invalid");
  const socket = state.sockets.get(incoming.socket);
  if (socket !== undefined) socket.uses++;
  const closed = new Promise<void>((resolve) => {
    response.once("close", () => {
      request.closedAt = Date.now();
      request.aborted = !response.writableFinished;
      resolve();
    });
  });
  const request: RecordedRequest = {
    index: state.requestCount++,
    method: incoming.method ?? "GET",
    url: incoming.url ?? "/",
    path: pathOf(url),
    query: url.searchParams,
    rawHeaders: incoming.rawHeaders,
    headers: incoming.headers,
    body: Buffer.alloc(0),
    json: undefined,
    credential: credentialOf(incoming, url),
    family: url.pathname.startsWith(codexPath)
      ? "openai"
      : familyOf(incoming, pathOf(url), state.options.family),
    model: modelInPath(pathOf(url)),
    connection: socket?.number ?? -1,
    useOfConnection: socket?.uses ?? 0,
    receivedAt: Date.now(),
    sentPieces: [],
    get bytesSent() {
      return this.sentPieces.reduce((sum, { length }) => sum + length, 0);
    },
    get sentBody() {
      return Buffer.concat(this.sentPieces);
    },
    closedAt: undefined,
    aborted: false,
    closed,
  };
  state.requests.push(request);
  tellWaiting(state);
  return request;
}

/** The backend of Codex has the Responses API under a prefix of its own, without a version; Z.ai has both APIs under others. */
function pathOf({ pathname }: URL): string {
  return pathname
    .replace(/^\/api\/anthropic(?=\/)/, "")
    .replace(/^\/(?:backend-api\/codex|api\/paas\/v4)\//, "/v1/");
}

function credentialOf(incoming: IncomingMessage, url: URL): string {
  const one = (name: string) => incoming.headers[name]?.toString();
  const bearer = /^bearer\s+(.+)$/i.exec(one("authorization") ?? "")?.[1];
  return one("x-api-key") ?? one("x-goog-api-key") ?? bearer ?? url.searchParams.get("key") ?? "";
}

function familyOf(
  incoming: IncomingMessage,
  path: string,
  fixed: ScriptFamily | undefined,
): ScriptFamily | undefined {
  if (/^\/v1\/messages(\/|$)/.test(path)) return "claude";
  if (/^\/v1\/(responses(\/|$)|chat\/completions$)/.test(path)) return "openai";
  if (/^\/v1internal[:/]/.test(path) || /^\/v1(beta|alpha)\//.test(path)) return "gemini";
  if (/^\/v1\/(models|tunedModels)\/.+:[A-Za-z]+$/.test(path)) return "gemini";
  if (!/^\/v1\/models(\/|$)/.test(path)) return undefined;
  if (fixed !== undefined) return fixed;
  if (incoming.headers["x-goog-api-key"] !== undefined) return "gemini";
  const claude = ["x-api-key", "anthropic-version", "anthropic-beta"].some(
    (name) => name in incoming.headers,
  );
  return claude ? "claude" : "openai";
}

function modelInPath(path: string): string | undefined {
  const model = /\/(?:models\/|(?=tunedModels\/))(.+?)(?::[A-Za-z]+)?$/.exec(path)?.[1];
  return model === undefined ? undefined : decodeURIComponent(model);
}

async function readBody(incoming: IncomingMessage, request: RecordedRequest): Promise<boolean> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch {
    return false;
  }
  request.body = Buffer.concat(chunks);
  try {
    request.json = JSON.parse(
      (await decompress(request.body, request.headers["content-encoding"]?.toString())).toString(),
    );
  } catch {
    request.json = undefined;
  }
  request.model ??= stringField(request.json, "model");
  return true;
}

/** Before the body only a rule that breaks off right then counts; nothing is taken from a queue otherwise. */
function chooseBehaviour(
  request: RecordedRequest,
  state: State,
  moment: "before-body" | "after-body",
): Behaviour | undefined {
  const early = (behaviour: Behaviour) => behaviour.breakOff?.when === "before-body";
  const queue = state.queues.find((each) => each.behaviours.length > 0 && fits(each.matcher, request));
  const queued = queue?.behaviours[0];
  if (queued !== undefined) {
    if (moment === "before-body" && !early(queued)) return undefined;
    return queue?.behaviours.shift();
  }
  const rule = state.rules.find((each) => fits(each.matcher, request))?.behaviour ?? state.options.behaviour;
  if (rule === undefined) return undefined;
  if (moment === "after-body") return typeof rule === "function" ? rule(request) : rule;
  return typeof rule !== "function" && early(rule) ? rule : undefined;
}

function fits(matcher: Matcher, request: RecordedRequest): boolean {
  if (typeof matcher === "string") return request.credential === matcher;
  if (typeof matcher === "function") return matcher(request);
  const text = (wanted: string | RegExp | undefined, value: string | undefined) =>
    wanted === undefined || (typeof wanted === "string" ? wanted === value : wanted.test(value ?? ""));
  return (
    text(matcher.credential, request.credential) &&
    text(matcher.method, request.method) &&
    text(matcher.path, request.path) &&
    text(matcher.model, request.model) &&
    text(matcher.family, request.family) &&
    (matcher.keptAlive === undefined || matcher.keptAlive === request.useOfConnection > 1)
  );
}

function unknownRoute(request: RecordedRequest): ScriptedAnswer {
  const document = { error: { message: `no scripted route ${request.method} ${request.path}` } };
  return { form: "json", headers: {}, document, newline: "\n", billed: false, status: 404 };
}

function openServed(
  request: RecordedRequest,
  { answer, behaviour }: { answer: ScriptedAnswer; behaviour: Behaviour },
  state: State,
): Served | undefined {
  if (!answer.billed || (behaviour.status ?? 200) >= 300 || request.family === undefined) return undefined;
  const served: Served = {
    request,
    credential: request.credential,
    family: request.family,
    model: request.model ?? "",
    usage: { ...noTokens },
    reported: false,
    outcome: "open",
  };
  state.served.push(served);
  return served;
}

/** Figures replace earlier ones, as the providers define them; a figure that an event lacks stays as it was. */
function noteSent(served: Served, script: Script, data: unknown): void {
  const figures = script.usageIn(data) ?? {};
  for (const kind of Object.keys(noTokens) as (keyof TokenCounts)[]) {
    const figure = figures[kind];
    if (figure === undefined) continue;
    served.usage[kind] = figure;
    served.reported = true;
  }
  if (script.isError(data)) served.outcome = "error";
  else if (script.isTerminal(data)) served.outcome = "complete";
}

function addTokens(sum: TokenCounts, more: TokenCounts): void {
  for (const kind of Object.keys(noTokens) as (keyof TokenCounts)[]) sum[kind] += more[kind];
}

function tellWaiting(state: State): void {
  for (const waiting of [...state.waiting]) {
    if (state.requests.length < waiting.count) continue;
    state.waiting.splice(state.waiting.indexOf(waiting), 1);
    waiting.resolve(state.requests);
  }
}
