// Turns what a client sent into a Call: reads the body within its bound and has the dialect parse it.

import { hash } from "node:crypto";
import { DecodeError } from "../coding/decoded.ts";
import { isCoded } from "../coding/decoder.ts";
import { createBodyMemory } from "../domain/body-memory.ts";
import { type Body, type Call, wholeBody } from "../domain/call.ts";
import { RelayError } from "../domain/errors.ts";
import { splitRequestHeaders, stripKeyParameter, stripRelayKeys } from "../network/headers.ts";
import type { RelayKeys } from "./authenticate.ts";
import { type BodyStall, bodyStall } from "./body-stall.ts";
import { bytesToDecode, type DecodeWithin, decodeWithin, usualLength } from "./decode-within.ts";
import type { Exchange, RelayDeps } from "./exchange.ts";
import { joinLargeBody, type Scratch } from "./join-body.ts";
import type { MemoryShare } from "./memory-share.ts";
import { bodyTooLarge, readBody } from "./read-body.ts";

export interface Reading {
  /** The client key's name. */
  client: string;
  maxBodyBytes: number;
  /** Asked for the accounts, where more than one family could answer. */
  config: RelayDeps["config"];
  scratch: Scratch;
  relayKeys: RelayKeys;
  /** Grows by what the body takes; the caller that opened it gives it back. */
  share: MemoryShare;
  timers: RelayDeps["timers"];
  /** The usual limits when absent. */
  bodyStall?: BodyStall | undefined;
}

/** Throws RelayError for a body that is too large, and for what a converting dialect cannot read. */
export async function readRequest(
  exchange: Pick<Exchange, "id" | "source" | "dialect" | "route" | "query" | "signal">,
  reading: Reading,
): Promise<Call> {
  const { client, maxBodyBytes, config, scratch, relayKeys, share, timers } = reading;
  const { source, dialect, route } = exchange;
  const { stallMs, stallBytes } = reading.bodyStall ?? bodyStall;
  const encoding = source.headers["content-encoding"]?.toString();
  const bytesToConvert = (length: number) => (dialect.convert ? length : 0);
  const limits = {
    ...{ stallMs, stallBytes, maxBytes: maxBodyBytes, share, timers, signal: exchange.signal },
    mayBeConverted: dialect.convert !== undefined,
    bytesAhead: (length: number) =>
      isCoded(encoding)
        ? bytesToDecode(length, encoding) + bytesToConvert(usualLength(length))
        : bytesToConvert(length),
  };
  const received = await readBody(source, limits);
  const isInOnePiece = received === undefined || Buffer.isBuffer(received);
  const body = isInOnePiece ? received : await joinLargeBody(received, share);
  const { forward, credential, acceptEncoding } = splitRequestHeaders(source.rawHeaders, relayKeys.isIn);
  const query = stripRelayKeys(exchange.query, relayKeys.isIn);
  const readable =
    body !== undefined && isCoded(encoding)
      ? await decode(body, { encoding, maxBytes: maxBodyBytes, share, bytesAhead: bytesToConvert })
      : body;
  const facts = dialect.read(route, {
    headers: source.headers,
    query,
    body: readable && scratch(readable),
  });
  const { family, path, converts } = dialect.direct?.(facts, config().accounts) ?? {
    family: dialect.family,
    path: route.path,
    converts: false,
  };
  const memory = createBodyMemory();
  for (const each of source.givesPieces ? [body, readable] : []) if (Buffer.isBuffer(each)) memory.own(each);
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
    memory,
    model: facts.model ?? route.model,
    stream: facts.stream,
    streamForm: facts.streamForm,
    sessionKey: facts.session && hashSession(client, family, facts.session),
    binding: facts.binding,
    thread: facts.thread,
    excludesLogins: converts,
    headerBudgetMs: facts.headerBudgetMs,
  };
}

/** Two people's sessions never share a binding, even if their clients send the same id. */
function hashSession(client: string, family: string, session: string): string {
  const text = `${client}\n${family}\n${session}`;
  let hashed = hashes.get(text);
  if (hashed === undefined) {
    hashed = hash("sha256", text, "base64url");
    if (hashes.size === maxHashes) hashes.clear();
    hashes.set(text, hashed);
  }
  return hashed;
}

/** Of the sessions that go on. */
const hashes = new Map<string, string>();
const maxHashes = 1000;

/** The copy that is read for routing; the upstream gets the bytes as they came. */
async function decode(body: Body, options: DecodeWithin): Promise<Body> {
  try {
    return await decodeWithin(wholeBody(body), options);
  } catch (cause) {
    throw decodingError(cause, options);
  }
}

function decodingError(cause: unknown, { encoding, maxBytes }: DecodeWithin): unknown {
  if (!(cause instanceof DecodeError)) return cause;
  switch (cause.reason) {
    case "too-large":
      return bodyTooLarge(maxBytes);
    case "unsupported":
    case "too-many":
      return new RelayError(
        "unsupported_encoding",
        `The body's content-encoding ${JSON.stringify(encoding.slice(0, 40))} cannot be read; send it as gzip, br, deflate, zstd or identity.`,
        { cause },
      );
    case "corrupt":
      return new RelayError(
        "invalid_request",
        `The body is not valid ${encoding.slice(0, 40)}; send it again or without content-encoding.`,
        { cause },
      );
  }
}
