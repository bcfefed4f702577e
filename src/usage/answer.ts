// The base of the observers of all families: the bytes become events or documents, and what has been seen of
// the answer is kept.

import { type Members, readSpan, readString } from "../json/json-scan.ts";
import { createDocumentSplitter, type DocumentSplitter } from "../sse/documents.ts";
import { createEventSplitter, type EventSplitter } from "../sse/events.ts";
import type { AnswerObserver, AnswerShape, Opening, UsageReport } from "./observer.ts";

/** How one family's answers are read. */
export interface AnswerReader {
  shape: AnswerShape;
  /** Each chunk that is pushed is one whole event, as a WebSocket's frames are. */
  isFramed?: boolean;
  /**
   * Whether an event of this name matters once the answer has begun; the others are skipped unread. Before that every
   * event is read. Absent: all matter.
   */
  wants?(eventName: string): boolean;
  /** An event of a stream; `name` is "" when it has none. */
  readEvent(name: string, data: Buffer, answer: AnswerState): void;
  /** A whole JSON object: the answer, an element of an array, or what came bare in place of an event. */
  readDocument(document: Buffer, answer: AnswerState): void;
  /** An event or document beyond the bound was dropped unread; the name is all that is known of it. */
  readOversized?(name: string, answer: AnswerState): void;
  report(): UsageReport;
}

/** What has been seen of an answer so far. */
export interface AnswerState {
  readonly opening: Opening;
  /** Something came that is no error. */
  content(): void;
  /** An error came, first or late; `isAnswer` as in Opening. */
  error(json: Buffer, isAnswer: boolean): void;
  /** What came is not an answer of this API. Only before there was content. */
  foreign(what: string): void;
  /** An event came that is not known of this API, and may be new in it. Only before there was content. */
  unknown(what: string): void;
  /** The answer's last event came. */
  finish(): void;
  /** An id that binds later requests to this account. */
  id(id: string): void;
  /** The first encrypted content of the answer. */
  encrypted: string | undefined;
  /** What a block of thinking is sealed with. */
  seal(seal: string): void;
}

export function observeAnswer(reader: AnswerReader): AnswerObserver {
  return new Observation(reader);
}

/** Whether a JSON object is an answer by its members, which were scanned for the names of the shape's marks. */
export function hasShape(json: Buffer, members: Members, { marks, mayHoldNothing }: AnswerShape): boolean {
  if (marks.length === 0 || (mayHoldNothing && isEmptyObject(json))) return true;
  return marks.some(({ member, value }) => {
    const span = members.get(member);
    if (!span) return false;
    return value === undefined ? json[span.start] !== letterN : readString(json, span) === value;
  });
}

/** Expects an object. */
function isEmptyObject(json: Buffer): boolean {
  return json.every((byte) => isBlank(byte) || byte === openBrace || byte === closeBrace);
}

/** The names that `hasShape` needs. */
export function markNames({ marks }: AnswerShape): string[] {
  return marks.map(({ member }) => member);
}

/** There is one per open stream, so it creates only what its answer needs. */
class Observation implements AnswerObserver, AnswerState {
  readonly #reader: AnswerReader;
  #events: EventSplitter | undefined;
  #documents: DocumentSplitter | undefined;
  /**
   * Reads what follows when JSON came between the events of an answer that had begun: an error, or a line that no client heeds. Its end
   * is not the answer's.
   */
  #afterStray: EventSplitter | undefined;
  #hasFrames = false;
  #finished = false;
  opening: Opening = pending;
  lateError: unknown;
  encrypted: string | undefined;
  readonly unreadable = undefined;
  readonly ids: string[] = [];
  #seals: string[] | undefined;

  constructor(reader: AnswerReader) {
    this.#reader = reader;
  }

  push(chunk: Buffer): void {
    if (this.#reader.isFramed) this.#pushFrame(chunk);
    else if (this.#events) this.#events.push(chunk);
    else if (this.#documents) this.#pushDocument(chunk);
    else if (this.opening.kind === "pending") this.#begin(chunk);
  }

  end(): void {
    this.#events?.end();
    this.#afterStray?.end();
  }

  get heldBytes(): number {
    return (
      (this.#events?.heldBytes ?? 0) + (this.#documents?.heldBytes ?? 0) + (this.#afterStray?.heldBytes ?? 0)
    );
  }

  forget(): void {
    this.#events?.forget();
    this.#documents?.forget();
    this.#afterStray?.forget();
  }

  get form(): "events" | "document" | undefined {
    if (this.#events || this.#hasFrames) return "events";
    return this.#documents && "document";
  }

  get complete(): boolean {
    if (this.opening.kind === "foreign") return false;
    if (this.#finished) return true;
    return this.#documents?.closed === true && (!this.#afterStray || this.lateError !== undefined);
  }

  get isTruncated(): boolean {
    if (this.opening.kind === "foreign") return true;
    if (this.form === "events")
      return !this.complete && this.lateError === undefined && this.opening.kind !== "error";
    if (this.#documents) return this.#documents.open || this.opening.kind === "pending";
    return this.#reader.shape.mayBeEmpty !== true;
  }

  get report(): UsageReport {
    return this.#reader.report();
  }

  content(): void {
    if (this.opening.kind === "pending") this.opening = content;
  }

  error(json: Buffer, isAnswer: boolean): void {
    const event = parseError(json);
    if (this.opening.kind === "pending") this.opening = { kind: "error", event, isAnswer };
    else if (this.opening.kind === "content") this.lateError ??= event;
  }

  foreign(what: string): void {
    if (this.opening.kind === "pending") this.opening = { kind: "foreign", what };
  }

  unknown(what: string): void {
    if (this.opening.kind === "pending") this.opening = { kind: "pending", unknown: what };
  }

  finish(): void {
    this.#finished = true;
  }

  id(id: string): void {
    if (this.ids.length < maxIds && !this.ids.includes(id)) this.ids.push(id);
  }

  seal(seal: string): void {
    this.#seals ??= [];
    if (this.#seals.length < maxSeals) this.#seals.push(seal);
  }

  get seals(): readonly string[] {
    return this.#seals ?? [];
  }

  #pushFrame(frame: Buffer): void {
    this.#hasFrames = true;
    this.#reader.readEvent("", frame, this);
  }

  /** The first byte that is no white space says what the answer is. */
  #begin(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && isBlank(chunk[at]!)) at++;
    if (at === chunk.length) return;
    const first = chunk[at]!;
    if (first === openBrace || first === openBracket) {
      if (first === openBracket && !this.#reader.shape.mayBeArray) return this.foreign("an array");
      this.#pushDocument(at === 0 ? chunk : chunk.subarray(at));
    } else if (eventBeginnings.has(first)) {
      this.#events = this.#splitEvents((bytes) => this.#pushBare(bytes));
      this.#events.push(at === 0 ? chunk : chunk.subarray(at));
    } else {
      this.foreign(first === lessThan ? "a web page" : "plain text");
    }
  }

  #splitEvents(onBare?: (bytes: Buffer) => void): EventSplitter {
    return createEventSplitter({
      wants: (name) => this.opening.kind === "pending" || (this.#reader.wants?.(name) ?? true),
      onEvent: (name, data) => this.#reader.readEvent(name, data, this),
      onOversized: (name) => this.#skipOversized(name),
      onBare,
    });
  }

  /** A stream's place is taken by a JSON answer now and then, and Google's errors come so. */
  #pushBare(bytes: Buffer): void {
    if (this.opening.kind === "content") this.#afterStray ??= this.#splitEvents();
    this.#afterStray?.push(bytes);
    this.#pushDocument(bytes);
  }

  #pushDocument(bytes: Buffer): void {
    this.#documents ??= createDocumentSplitter({
      onDocument: (document) => this.#reader.readDocument(document, this),
      onOversized: () => this.#skipOversized(""),
      maxStringBytes,
    });
    this.#documents.push(bytes);
  }

  #skipOversized(name: string): void {
    this.content();
    this.#reader.readOversized?.(name, this);
  }
}

const pending: Opening = { kind: "pending" };
const content: Opening = { kind: "content" };
/** More ids than this no answer has. */
const maxIds = 16;
/** One for each block of thinking. */
const maxSeals = 256;
/** Of pictures and of texts nothing is read. What a provider has encrypted is, and is shorter. */
const maxStringBytes = 768 * 1024;
const maxErrorText = 4096;
const maxErrorBytes = 1024 * 1024;

const openBracket = 0x5b;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const lessThan = 0x3c;
const letterN = 0x6e;
/** Lines of an event stream are comments, or begin with `data`, `event`, `id` or `retry`. */
const eventBeginnings: ReadonlySet<number> = new Set(Buffer.from(":deir"));

/** White space, and the bytes of a byte order mark. */
function isBlank(byte: number): boolean {
  return byte <= 0x20 || byte === 0xef || byte === 0xbb || byte === 0xbf;
}

/** An error that is no JSON, or is larger than any, counts as its beginning. */
function parseError(json: Buffer): unknown {
  const parsed = json.length > maxErrorBytes ? undefined : readSpan(json, { start: 0, end: json.length });
  return parsed ?? json.toString("utf8", 0, maxErrorText);
}
