// What the scripted upstream can be asked to do with a request, and what it remembers of one.

import type { ContentPiece } from "../../src/demo/provider/generation.ts";
import type { TokenCounts } from "../../src/usage/observer.ts";
import type { WireForm } from "./wire.ts";

export type ScriptFamily = "claude" | "gemini" | "openai";

/** Milliseconds, or a promise that the test resolves when it wants the upstream to go on. */
export type Delay = number | Promise<unknown>;

/** `rst` resets the connection, `fin` closes it inside the body's framing, `clean` ends the body as if it were whole. */
export type TruncationStyle = "rst" | "fin" | "clean";

/** Every field is optional; `{}` is a good answer with usage that the upstream makes up and remembers. */
export interface Behaviour {
  /** Breaks the connection instead of answering: before the request's body is read, or after it. */
  breakOff?: { when: "before-body" | "before-headers"; how: "rst" | "fin" };
  /** Accepts the request and never answers. */
  hang?: boolean;
  headersAfter?: Delay;

  status?: number;
  /** Added to the answer's own; a value of undefined removes one. */
  headers?: Record<string, string | string[] | undefined>;
  /** The whole body instead of the family's own: an object is sent as JSON. */
  body?: unknown;

  /** What the model says; a plain string is one text piece. */
  content?: string | ContentPiece[];
  /** Into how many delta events each text is split (3). */
  events?: number;
  /** One more delta event with this many bytes of text. */
  hugeEventBytes?: number;
  /** Figures that replace the made-up ones. */
  usage?: Partial<TokenCounts>;
  stopReason?: string;
  /** Keep-alive events before the first real one (Claude: ping; OpenAI: keepalive; Gemini has none and ignores it). */
  pings?: number;
  /** The stream's events instead of the family's own: objects are framed, strings go out as they are. */
  rawEvents?: readonly unknown[];
  /** An error event in place of the first real one; the stream ends cleanly after it. */
  firstEvent?: unknown;
  /** An error event after so many events of any kind; the stream ends cleanly after it. */
  errorAfter?: { events: number; event: unknown };

  firstEventAfter?: Delay;
  betweenEvents?: Delay;
  /** Called before every event with its number from 0; the event waits for what it returns. */
  gate?: (event: number) => Delay | undefined;

  /** Breaks the body off after so many events of any kind (streams) or bytes (any body). */
  cut?: { afterEvents?: number; afterBytes?: number; how: TruncationStyle };
  encoding?: "gzip" | "br" | "zstd" | "deflate";
  /** How the body is divided into writes (`event`): `utf8` divides inside every multibyte character. */
  chunking?: "event" | "byte" | "merged" | "utf8";
  /** Written on the bare socket in this way, instead of by `node:http`; `cut`, `chunking` and delays do not count then. */
  wire?: WireForm;
  /** Line ends of an event stream; the family's own when absent. */
  newline?: "\n" | "\r\n";
  /** Closes the kept-alive connection after the answer without having announced it. */
  closeAfter?: boolean;
}

export interface RecordedRequest {
  /** Counts from 0 over the upstream's life. */
  readonly index: number;
  readonly method: string;
  /** Path and query as they came. */
  readonly url: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Name, value, name, value … as they came. */
  readonly rawHeaders: string[];
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As it came, still in its content-encoding. Empty until it has been read. */
  body: Buffer;
  /** The decoded body, parsed; undefined when it is no JSON. */
  json: unknown;
  /** The key or token of the request, "" without one. */
  readonly credential: string;
  readonly family: ScriptFamily | undefined;
  model: string | undefined;
  /** Counts connections from 0, and requests on this connection from 1: above 1 it was kept alive. */
  readonly connection: number;
  readonly useOfConnection: number;
  readonly receivedAt: number;
  /** What the kernel took of the answer's body so far, as it was coded. */
  readonly sentPieces: Buffer[];
  readonly bytesSent: number;
  /** The pieces in one. */
  readonly sentBody: Buffer;
  /** When the connection or the answer ended; undefined while it is open. */
  closedAt: number | undefined;
  /** The other side went away before the answer was whole. */
  aborted: boolean;
  /** Resolves when the answer has ended one way or another. */
  readonly closed: Promise<void>;
}

/** One answer that cost tokens. */
export interface Served {
  readonly request: RecordedRequest;
  readonly credential: string;
  readonly family: ScriptFamily;
  readonly model: string;
  /** The last figures put on the wire; all zero while there were none. */
  usage: TokenCounts;
  /** Whether any figure went out. */
  reported: boolean;
  /** `complete` once the terminal event or the whole document is out, whatever happens to the connection then. */
  outcome: "open" | "complete" | "cut" | "aborted" | "error";
}

/** Text of a request's content where it is an object of strings; "" where it is not. */
export function stringField(value: unknown, name: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const field = (value as Record<string, unknown>)[name];
  return typeof field === "string" ? field : undefined;
}

export function objectField(value: unknown, name: string): Record<string, unknown> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const field = (value as Record<string, unknown>)[name];
  return typeof field === "object" && field !== null ? (field as Record<string, unknown>) : undefined;
}

export function numberField(value: unknown, name: string): number | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const field = (value as Record<string, unknown>)[name];
  return typeof field === "number" ? field : undefined;
}
