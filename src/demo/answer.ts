// What a simulated provider is asked and what it answers, without sockets.

import type { Family } from "../domain/family.ts";
import { isObject, type JsonObject } from "../json/json-values.ts";
import { noTokens, type TokenCounts } from "../usage/observer.ts";
import type { SimulatedAccount } from "./account.ts";
import { frameEvent, type WireEvent } from "./provider/generation.ts";

export interface DemoRequest {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  /** The parsed JSON body; an empty object when there is none. */
  body: JsonObject;
  account: SimulatedAccount;
  /** Counts the requests of the whole demo: makes ids that differ and repeat from run to run. */
  number: number;
  now: number;
}

export interface DemoAnswer {
  status: number;
  headers: Record<string, string>;
  /** Sent one after the other with a pause between them. */
  pieces: string[];
}

export interface SimulatedProvider {
  family: Family;
  /** The key as this API's clients send it; undefined when there is none. */
  readKey(headers: Record<string, string | string[] | undefined>, query: URLSearchParams): string | undefined;
  answer(request: DemoRequest): DemoAnswer;
  /** A body that is no JSON, a key that is not ours. */
  refuse(status: 400 | 401, message: string): DemoAnswer;
}

export function jsonAnswer(status: number, value: unknown, headers: Record<string, string> = {}): DemoAnswer {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    pieces: [JSON.stringify(value)],
  };
}

/** Something that the model says: a delta, or one of Gemini's chunks. */
const isContent = /delta"|"candidates"/;

/** A stream: what is between two pieces of content goes out with the one before it. */
export function streamAnswer(
  events: Iterable<WireEvent>,
  { headers = {}, newline }: { headers?: Record<string, string>; newline?: "\n" | "\r\n" } = {},
): DemoAnswer {
  const pieces: string[] = [];
  for (const event of events) {
    const text = frameEvent(event, newline);
    if (pieces.length > 0 && !isContent.test(text)) pieces.push(`${pieces.pop()}${text}`);
    else pieces.push(text);
  }
  return {
    status: 200,
    headers: { ...headers, "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
    pieces,
  };
}

/** What is spent by an answer without a cache. */
export function spentTokens(figures: Partial<TokenCounts>): TokenCounts {
  return { ...noTokens, ...figures };
}

export function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
