// What a simulated provider is asked and what it answers, without sockets.

import type { Family } from "../domain/family.ts";
import { isObject, type JsonObject } from "../json/json-values.ts";
import type { SimulatedAccount } from "./account.ts";

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

export function objects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
