// What the observers of all families have in common: the bytes become events or documents, and what has been seen of
// the answer is kept.

import { readSpan } from "../json-scan.ts";
import { createDocumentSplitter, type DocumentSplitter } from "../sse/documents.ts";
import { createEventSplitter, type EventSplitter } from "../sse/events.ts";
import type { AnswerObserver, Opening, UsageReport } from "./observer.ts";

/** How one family's answers are read. */
export interface AnswerReader {
  form: "json" | "sse";
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
  /** An error came, first or late. */
  error(json: Buffer): void;
  /** The answer's last event came. */
  finish(): void;
  /** An id that ties later requests to this account. */
  id(id: string): void;
  /** The first encrypted content of the answer. */
  encrypted: string | undefined;
}

export function observeAnswer(reader: AnswerReader): AnswerObserver {
  return new Observation(reader);
}

/** One stands beside every open stream, so it makes only what its answer needs. */
class Observation implements AnswerObserver, AnswerState {
  readonly #reader: AnswerReader;
  #events: EventSplitter | undefined;
  #documents: DocumentSplitter | undefined;
  #finished = false;
  opening: Opening = pending;
  lateError: unknown;
  encrypted: string | undefined;
  readonly ids: string[] = [];

  constructor(reader: AnswerReader) {
    this.#reader = reader;
    if (reader.form === "sse") this.#events = this.#splitEvents();
  }

  push(chunk: Buffer): void {
    if (this.#events) this.#events.push(chunk);
    else this.#pushDocument(chunk);
  }

  end(): void {
    this.#events?.end();
  }

  get complete(): boolean {
    return this.#finished || this.#documents?.closed === true;
  }

  get unclosed(): boolean {
    return !this.#events && this.#documents?.open === true;
  }

  get report(): UsageReport {
    return this.#reader.report();
  }

  content(): void {
    if (this.opening.kind === "pending") this.opening = content;
  }

  error(json: Buffer): void {
    const event = parseError(json);
    if (this.opening.kind === "pending") this.opening = { kind: "error", event };
    else if (this.opening.kind === "content") this.lateError ??= event;
  }

  finish(): void {
    this.#finished = true;
  }

  id(id: string): void {
    if (this.ids.length < maxIds && !this.ids.includes(id)) this.ids.push(id);
  }

  #splitEvents(): EventSplitter {
    return createEventSplitter({
      wants: (name) => this.opening.kind === "pending" || (this.#reader.wants?.(name) ?? true),
      onEvent: (name, data) => this.#reader.readEvent(name, data, this),
      onOversized: (name) => this.#skipOversized(name),
      // A stream's place is taken by a JSON answer now and then, and Google's errors come so.
      onBare: (bytes) => this.#pushDocument(bytes),
    });
  }

  #pushDocument(bytes: Buffer): void {
    this.#documents ??= createDocumentSplitter({
      onDocument: (document) => this.#reader.readDocument(document, this),
      onOversized: () => this.#skipOversized(""),
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
const maxErrorText = 4096;

/** An error that is no JSON counts as its text. */
function parseError(json: Buffer): unknown {
  const parsed = readSpan(json, { start: 0, end: json.length });
  return parsed ?? json.toString("utf8", 0, maxErrorText);
}
