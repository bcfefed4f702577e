// Turns what a client sent into a Call: reads the body within its bound and asks the dialect what it says.

import { hash } from "node:crypto";
import type { Readable } from "node:stream";
import { type Body, type Call, wholeBody } from "../call.ts";
import { RelayError } from "../errors.ts";
import { splitRequestHeaders, stripKeyParameter, stripRelayKeys } from "../network/headers.ts";
import { decodeBody } from "../usage/decoded.ts";
import type { RequestSource } from "./client.ts";
import type { Exchange, RelayDeps } from "./exchange.ts";
import type { RelayKeys } from "./relay-keys.ts";
import type { Scratch } from "./scratch.ts";

export interface Reading {
  /** The client key's name. */
  client: string;
  maxBodyBytes: number;
  /** Asked for the accounts, where more than one family could answer. */
  config: RelayDeps["config"];
  scratch: Scratch;
  relayKeys: RelayKeys;
}

/** Throws RelayError for a body that is too large, and for what a converting dialect cannot read. */
export async function readRequest(
  exchange: Exchange,
  { client, maxBodyBytes, config, scratch, relayKeys }: Reading,
): Promise<Call> {
  const { source, dialect, route } = exchange;
  const body = await readBody(source, maxBodyBytes, exchange.signal);
  const { forward, credential, acceptEncoding } = splitRequestHeaders(source.rawHeaders, relayKeys.isIn);
  const query = stripRelayKeys(exchange.query, relayKeys.isIn);
  const readable = await readableBody(source, body, maxBodyBytes);
  const facts = dialect.read(route, {
    headers: source.headers,
    query,
    body: readable && scratch(readable),
  });
  const { family, path, converts, onlyTypes } = dialect.direct?.(facts, config().accounts) ?? {
    family: dialect.family,
    path: route.path,
    converts: false,
    onlyTypes: facts.onlyTypes,
  };
  return {
    id: exchange.id,
    dialect: dialect.name,
    family,
    operation: route.operation,
    method: source.method,
    path,
    query: stripKeyParameter(query),
    headers: forward,
    clientCredential: credential,
    clientQuery: query,
    acceptEncoding,
    body: converts ? readable : body,
    decodedBody: readable === body ? undefined : readable,
    model: facts.model ?? route.model,
    stream: facts.stream,
    streamForm: facts.streamForm,
    sessionKey: facts.session && hashSession(client, family, facts.session),
    binding: facts.binding,
    onlyTypes,
    headerBudgetMs: facts.headerBudgetMs,
  };
}

/** Two people's sessions never share a binding, even if their clients send the same id. */
function hashSession(client: string, family: string, session: string): string {
  return hash("sha256", `${client}\n${family}\n${session}`, "base64url");
}

/** The copy that is read for routing; the upstream gets the bytes as they came. */
async function readableBody(
  source: RequestSource,
  body: Body | undefined,
  maxBytes: number,
): Promise<Body | undefined> {
  const encoding = source.headers["content-encoding"]?.toString();
  if (!body || !encoding || encoding === "identity") return body;
  try {
    return await decodeBody(wholeBody(body), encoding, maxBytes);
  } catch (cause) {
    throw bodyError(cause, encoding, maxBytes);
  }
}

function bodyError(cause: unknown, encoding: string, maxBytes: number): RelayError {
  const reason = cause instanceof Error && "reason" in cause ? cause.reason : undefined;
  if (reason === "too-large") return tooLarge(maxBytes);
  if (reason === "unsupported") {
    return new RelayError(
      "unsupported_encoding",
      `The body's content-encoding ${JSON.stringify(encoding.slice(0, 40))} cannot be read; send it as gzip, br, deflate, zstd or identity.`,
      { cause },
    );
  }
  return new RelayError(
    "invalid_request",
    `The body is not valid ${encoding.slice(0, 40)}; send it again or without content-encoding.`,
    { cause },
  );
}

function tooLarge(maxBytes: number): RelayError {
  const megabytes = Math.round((maxBytes / 1048576) * 10) / 10;
  return new RelayError(
    "body_too_large",
    `The request is larger than ${megabytes} MB; send less, or raise server.max_body_mb in config.toml.`,
  );
}

/** Each piece of a body takes more than a hundred bytes of memory beside its own, so many small ones are joined. */
const maxSmallPieces = 1024;
const smallPiece = 1024;

function readBody(
  { headers, body }: RequestSource,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Body | undefined> {
  const declared = headers["content-length"];
  if (declared !== undefined && Number(declared) > maxBytes) return Promise.reject(tooLarge(maxBytes));
  if (body === undefined || Buffer.isBuffer(body)) {
    return body && body.length > maxBytes ? Promise.reject(tooLarge(maxBytes)) : Promise.resolve(body);
  }
  return readStream(body, maxBytes, signal);
}

function readStream(stream: Readable, maxBytes: number, signal: AbortSignal): Promise<Body> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    let fresh = { from: 0, size: 0 };
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        stream.removeAllListeners("data").resume();
        return reject(tooLarge(maxBytes));
      }
      pieces.push(chunk);
      fresh.size += chunk.length;
      if (pieces.length - fresh.from < maxSmallPieces) return;
      if (fresh.size < maxSmallPieces * smallPiece) pieces.push(Buffer.concat(pieces.splice(fresh.from)));
      fresh = { from: pieces.length, size: 0 };
    });
    stream.on("end", () => resolve(pieces.length > 1 ? pieces : (pieces[0] ?? Buffer.alloc(0))));
    stream.on("error", reject);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
