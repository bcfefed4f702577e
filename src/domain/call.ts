// The call: one client request as every layer below the server sees it.

import { hash } from "node:crypto";
import type { BodyMemory } from "./body-memory.ts";
import type { Family } from "./family.ts";

export type DialectName = "claude" | "gemini" | "openai" | "chat";

/**
 * What is asked for. `generate`, `embed` and `compact` cost tokens and are recorded in the usage table; the others are not.
 * `code-assist` is any v1internal method but the generating and counting ones; `stored` is a stored response's own route.
 */
export type Operation =
  | "generate"
  | "count-tokens"
  | "embed"
  | "compact"
  | "list-models"
  | "get-model"
  | "code-assist"
  | "stored";

/** State at the provider that only one account can see. */
export interface Binding {
  /**
   * `response` a previous_response_id or /responses/ID; `turn` an x-codex-turn-state; `file` a file or container id;
   * `encrypted` reasoning that the client carries along.
   */
  kind: "response" | "turn" | "file" | "encrypted";
  /** See bindingId. */
  id: string;
  /** The request header (lower case) that carries it; undefined when the body or the path does. */
  header?: string;
}

/** A Claude request that keeps its conversation at the provider: it carries a `thread`, and a later one may continue its answer. */
export interface Thread {
  /** See bindingId: the `previous_message_id`, which only the account that gave that message knows. Undefined: it continues none. */
  previousId: string | undefined;
}

/** Issued with an answer by the servers of Codex, and sent back with the later requests of that turn. */
export const turnStateHeader = "x-codex-turn-state";

/** The id of a binding: an id of the provider's or encrypted reasoning itself, or its hash where it is long. */
export function bindingId(value: string): string {
  return value.length <= 128 ? value : hash("sha256", value, "base64url");
}

/** Lower-case header names; repeated headers joined as node:http does. */
export type HeaderMap = Readonly<Record<string, string | string[] | undefined>>;

/** In one piece, or in the pieces it came in: joining them would cost a copy of every long prompt. */
export type Body = Buffer | readonly Buffer[];

export interface Call {
  /** Our own id of the request, in the log and the usage row. */
  id: string;
  dialect: DialectName;
  family: Family;
  operation: Operation;
  method: string;
  /** Path at the provider from its root, version included (`/v1/messages`, `/v1beta/models/M:generateContent`). */
  path: string;
  /** "" or "?…" as the client wrote it, less the relay's own `key=`. */
  query: string;
  /** Raw name, value, name, value … in the client's order and case; hop-by-hop, credential, `host`, `content-length`, `accept-encoding` and `x-cc-relay-*` headers are gone. */
  headers: string[];
  /** The client's own credential headers as raw pairs: for pass-through only. */
  clientCredential: string[];
  /** `query` with the client's own `key=` in it: for pass-through only. */
  clientQuery: string;
  /** `accept-encoding` as the client sent it; undefined when it sent none. */
  acceptEncoding: string | undefined;
  /** The body byte for byte, still in its `content-encoding`; undefined when there is none. */
  body: Body | undefined;
  /** The body without its content-encoding, for what has to change it; undefined when it has none. */
  decodedBody: Body | undefined;
  /** The body in one piece and in no coding as it was before the model's name in it was replaced, and where that is. Absent: nothing was. */
  asked?: { json: Buffer; model: { start: number; end: number } } | undefined;
  /** Of `body`, `decodedBody` and what is made of them. Absent: the garbage collector looks after it. */
  memory?: BodyMemory;
  /** Undefined when the body names none. Never with a `models/` prefix. */
  model: string | undefined;
  /** The name that the client asked for, where the owner's configuration put `model` in its place. */
  askedModel?: string;
  /** What else of the request was changed, by its name: sent as `x-cc-relay-warning`. */
  warnings?: readonly string[];
  /** The answer is a stream of events. */
  stream: boolean;
  /** `sse`, or `json-array` for Gemini's streamGenerateContent without `alt=sse`. Undefined when `stream` is false. */
  streamForm: "sse" | "json-array" | undefined;
  /** The answer is a stream for the relay only: its client gets it in one piece. */
  isCollected?: boolean;
  /** The conversation, scoped by client key and family and hashed; undefined when nothing identifies it. */
  sessionKey: string | undefined;
  binding: Binding | undefined;
  /** Absent: the request carries no thread. */
  thread?: Thread | undefined;
  /** What the answer's thinking is sealed with is to be read: a later request may bring it back to another account. */
  readsSeals?: boolean;
  /** Only accounts with an API key may serve the call: a provider's login is for what the provider's own clients send. */
  excludesLogins: boolean;
  /** The client fails when no response header came by then; undefined: no limit known. Milliseconds. */
  headerBudgetMs: number | undefined;
}

/** The call with another body, which is in no content-encoding. */
export function withBody(call: Call, body: Body): Call {
  if (call.decodedBody === undefined) return { ...call, body, asked: undefined };
  const headers = call.headers.filter(
    (_, at, all) => all[at - (at % 2)]!.toLowerCase() !== "content-encoding",
  );
  return { ...call, body, decodedBody: undefined, asked: undefined, headers };
}

/** In one piece, for what must look into it. */
export function wholeBody(body: Body): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.concat(body);
}

/**
 * The body for what must look into it, in one piece and in no coding. The model may be the one that the client named: to join a body of
 * 60 MB anew takes a tenth of a second, in which nobody else is served.
 */
export function readableBody({ asked, body, decodedBody }: Call): Buffer | undefined {
  const readable = asked?.json ?? decodedBody ?? body;
  return readable && wholeBody(readable);
}

export function bodyBytes(body: Body | undefined): number {
  if (body === undefined || Buffer.isBuffer(body)) return body?.length ?? 0;
  return body.reduce((sum, piece) => sum + piece.length, 0);
}

/** Called when nobody will send the call again: an answer that goes on for minutes must not keep a conversation of megabytes. */
export function releaseBody(call: Call): void {
  call.body = undefined;
  call.decodedBody = undefined;
  call.asked = undefined;
}

/** Whether the client gets the answer as it comes. */
export function isStreamedToClient({
  stream,
  isCollected = false,
}: Pick<Call, "stream" | "isCollected">): boolean {
  return stream && !isCollected;
}

/** Whether the call costs tokens and gets a usage row. */
export function isBilled(operation: Operation): boolean {
  return operation === "generate" || operation === "embed" || operation === "compact";
}
