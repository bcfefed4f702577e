// A plain HTTP/1.1 client for tests: raw headers out and in, body bytes as they came, and whether the end was clean or the socket was torn down.

import { Agent, type IncomingMessage, request as openHttp } from "node:http";
import { connect } from "node:net";
import { StringDecoder } from "node:string_decoder";

export interface ClientRequest {
  method?: string;
  /** Path and query, sent as written. */
  path: string;
  /** Raw name, value, name, value …; `host` and the body's length are added unless given. */
  headers?: readonly string[];
  /** An object is sent as JSON with its content-type. */
  body?: Buffer | string | object;
  /** Keeps connections; without one every request has its own. */
  agent?: Agent;
  /** Sends the body in these pieces, chunked, each after a turn of the event loop. */
  chunks?: readonly Buffer[];
}

export interface ClientAnswer {
  readonly status: number;
  readonly rawHeaders: string[];
  /** The first value under the name, whatever its case. */
  header(name: string): string | undefined;
  readonly body: Buffer;
  readonly text: string;
  /** The body parsed; throws when it is no JSON. */
  json(): unknown;
  /** `cut`: the connection broke before the body's framing was complete. */
  readonly end: "clean" | "cut";
}

/** An answer whose head has come and whose body is still to be read. */
export interface OpenAnswer {
  readonly status: number;
  readonly rawHeaders: string[];
  header(name: string): string | undefined;
  /** The next bytes; undefined at the end, clean or cut. Nothing is read from the socket unless asked for. */
  read(): Promise<Buffer | undefined>;
  /** Reads until the text has appeared; returns all text read by this call so far. */
  readUntil(text: string): Promise<string>;
  /** Reads what is left. */
  finish(): Promise<ClientAnswer>;
  /** Tears the connection down. */
  abort(): void;
}

/** Sends a request and reads the whole answer. Rejects when the connection breaks before an answer's head. */
export async function send(baseUrl: string, request: ClientRequest): Promise<ClientAnswer> {
  return (await open(baseUrl, request)).finish();
}

/** Sends a request and resolves with the answer's head. */
export function open(baseUrl: string, request: ClientRequest): Promise<OpenAnswer> {
  return begin(baseUrl, request).answer;
}

/** Like `open`, and can be cancelled before the head has come: then `answer` rejects. */
export function begin(
  baseUrl: string,
  request: ClientRequest,
): { answer: Promise<OpenAnswer>; abort(): void } {
  const url = new URL(baseUrl);
  const { body, headers } = encode(url, request);
  const outgoing = openHttp({
    host: url.hostname,
    port: url.port,
    method: request.method ?? (body === undefined && request.chunks === undefined ? "GET" : "POST"),
    path: request.path,
    headers,
    setHost: false,
    agent: request.agent ?? new Agent({ keepAlive: false }),
  });
  const answer = new Promise<OpenAnswer>((resolve, reject) => {
    outgoing.once("response", (incoming) => resolve(openAnswer(incoming, () => outgoing.destroy())));
    // After the head a broken upload is no news: the answer was given early.
    outgoing.on("error", reject);
  });
  answer.catch(() => {});
  if (request.chunks === undefined) outgoing.end(body);
  else void sendChunks(outgoing, request.chunks);
  return { answer, abort: () => outgoing.destroy() };
}

/** Sends bytes as they are and returns all that came back until the other side closed. For malformed requests. */
export function sendRaw(port: number, bytes: string | Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", (error) => (chunks.length > 0 ? resolve(Buffer.concat(chunks)) : reject(error)));
    socket.on("close", () => resolve(Buffer.concat(chunks)));
  });
}

export interface RawEnd {
  text: string;
  /** ECONNRESET when the connection was reset; undefined for an orderly end. */
  error: string | undefined;
}

/** Like `sendRaw`, and says how the connection ended. */
export function sendToEnd(port: number, bytes: string): Promise<RawEnd> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    const decoder = new StringDecoder("utf8");
    let text = "";
    let error: string | undefined;
    socket.on("data", (chunk) => (text += decoder.write(chunk)));
    socket.on("error", (cause: NodeJS.ErrnoException) => (error = cause.code));
    socket.on("close", () => resolve({ text, error }));
  });
}

/** The `data:` documents of an event stream, in order. */
export function sseData(text: string): unknown[] {
  return text
    .split(/\r?\n\r?\n/)
    .map((event) => event.split(/\r?\n/).filter((line) => line.startsWith("data:")))
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => line.slice(5).trim()).join("\n"))
    .filter((data) => data !== "[DONE]")
    .map((data) => JSON.parse(data) as unknown);
}

function encode(url: URL, request: ClientRequest): { body: Buffer | undefined; headers: string[] } {
  const headers = [...(request.headers ?? [])];
  const has = (name: string) => headers.some((each, index) => index % 2 === 0 && each.toLowerCase() === name);
  if (!has("host")) headers.unshift("Host", url.host);
  if (request.body === undefined) return { body: undefined, headers };
  const plain = typeof request.body === "string" || Buffer.isBuffer(request.body);
  const body = Buffer.from(plain ? (request.body as string | Buffer) : JSON.stringify(request.body));
  if (!plain && !has("content-type")) headers.push("Content-Type", "application/json");
  if (!has("content-length") && !has("transfer-encoding"))
    headers.push("Content-Length", String(body.length));
  return { body, headers };
}

async function sendChunks(outgoing: ReturnType<typeof openHttp>, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) {
    await new Promise((resolve) => setImmediate(resolve));
    outgoing.write(chunk);
  }
  outgoing.end();
}

function openAnswer(incoming: IncomingMessage, abort: () => void): OpenAnswer {
  const chunks: Buffer[] = [];
  let ended = false;
  let wake = () => {};
  const rouse = () => wake();
  incoming.on("readable", rouse);
  incoming.on("error", rouse);
  incoming.on("end", rouse);
  incoming.on("close", () => {
    ended = true;
    rouse();
  });

  const header = (name: string) => {
    const at = incoming.rawHeaders.findIndex(
      (each, index) => index % 2 === 0 && each.toLowerCase() === name.toLowerCase(),
    );
    return at < 0 ? undefined : incoming.rawHeaders[at + 1];
  };
  async function read(): Promise<Buffer | undefined> {
    for (;;) {
      const next = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const chunk = incoming.read() as Buffer | null;
      if (chunk !== null) {
        chunks.push(chunk);
        return chunk;
      }
      if (ended || incoming.readableEnded || incoming.destroyed) return undefined;
      await next;
    }
  }
  const head = { status: incoming.statusCode ?? 0, rawHeaders: incoming.rawHeaders, header };
  return {
    ...head,
    read,
    abort,
    async readUntil(text) {
      let seen = "";
      const decoder = new StringDecoder();
      while (!seen.includes(text)) {
        const chunk = await read();
        if (chunk === undefined) throw new Error(`the answer ended before ${JSON.stringify(text)}: ${seen}`);
        seen += decoder.write(chunk);
      }
      return seen;
    },
    async finish() {
      while ((await read()) !== undefined);
      const body = Buffer.concat(chunks);
      const text = body.toString();
      const end = incoming.complete ? "clean" : "cut";
      return { ...head, body, text, json: () => JSON.parse(text) as unknown, end };
    },
  };
}
