// What the observers of all families have in common: the bytes become events or documents, and what has been seen of
// the answer is kept.

import { readSpan } from "../json-scan.ts";
import { createDocumentSplitter } from "../sse/documents.ts";
import { createEventSplitter } from "../sse/events.ts";
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
  complete(): void;
  /** An id that ties later requests to this account. */
  id(id: string): void;
}

export function observeAnswer(reader: AnswerReader): AnswerObserver {
  let opening: Opening = { kind: "pending" };
  let complete = false;
  let lateError: unknown;
  const ids: string[] = [];

  const answer: AnswerState = {
    get opening() {
      return opening;
    },
    content() {
      if (opening.kind === "pending") opening = { kind: "content" };
    },
    error(json) {
      const event = parseError(json);
      if (opening.kind === "pending") opening = { kind: "error", event };
      else if (opening.kind === "content") lateError ??= event;
    },
    complete() {
      complete = true;
    },
    id(id) {
      if (ids.length < mostIds && !ids.includes(id)) ids.push(id);
    },
  };

  const documents = createDocumentSplitter({
    onDocument: (document) => reader.readDocument(document, answer),
    onOversized: () => skipOversized(""),
  });
  const events = createEventSplitter({
    wants: (name) => opening.kind === "pending" || (reader.wants?.(name) ?? true),
    onEvent: (name, data) => reader.readEvent(name, data, answer),
    onOversized: skipOversized,
    // A stream's place is taken by a JSON answer now and then, and Google's errors come so.
    onBare: documents.push,
  });

  function skipOversized(name: string): void {
    answer.content();
    reader.readOversized?.(name, answer);
  }

  return {
    push: reader.form === "sse" ? events.push : documents.push,
    end: events.end,
    get opening() {
      return opening;
    },
    get complete() {
      return complete || documents.closed;
    },
    get lateError() {
      return lateError;
    },
    get report() {
      return reader.report();
    },
    ids,
  };
}

/** More ids than this no answer has. */
const mostIds = 16;
const mostErrorText = 4096;

/** An error that is no JSON counts as its text. */
function parseError(json: Buffer): unknown {
  const parsed = readSpan(json, { start: 0, end: json.length });
  return parsed ?? json.toString("utf8", 0, mostErrorText);
}
