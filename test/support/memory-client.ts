// A client that is no HTTP: its request is there in one piece, and it keeps what it is sent.

import type { AnswerHead, ClientSink, RequestSource } from "../../src/relay/client.ts";

export interface MemorySink extends ClientSink {
  readonly head: AnswerHead | undefined;
  readonly text: string;
  /** How the answer ended; undefined while it goes on. */
  readonly ending: "clean" | "error" | "broken" | undefined;
  /** Takes nothing more until `read` is called. */
  stopReading(): void;
  read(): void;
}

/** The body is sent as JSON. */
export function memorySource(body: object, headers: Record<string, string> = {}): RequestSource {
  const all: Record<string, string> = { "content-type": "application/json", ...headers };
  return {
    method: "POST",
    headers: all,
    rawHeaders: Object.entries(all).flat(),
    body: Buffer.from(JSON.stringify(body)),
  };
}

export function memorySink(): MemorySink {
  const listeners = new Set<() => void>();
  let head: AnswerHead | undefined;
  let text = "";
  let ending: MemorySink["ending"];
  let isReading = true;
  const take = (bytes: Buffer | string | undefined) => {
    if (ending === undefined) text += bytes ?? "";
  };
  return {
    get head() {
      return head;
    },
    get text() {
      return text;
    },
    get ending() {
      return ending;
    },
    get hasStarted() {
      return head !== undefined;
    },
    start(begun) {
      head = begun;
    },
    flush() {},
    write(chunk) {
      take(chunk);
      return isReading;
    },
    onDrain(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    end(rest) {
      take(rest);
      ending ??= "clean";
    },
    endWithError(last) {
      take(last);
      ending ??= "error";
    },
    breakOff() {
      ending ??= "broken";
    },
    stopReading() {
      isReading = false;
    },
    read() {
      isReading = true;
      for (const listener of listeners) listener();
    },
  };
}
