// Runs observers over answers cut in every place.

import assert from "node:assert/strict";
import { type AnswerObserver, noTokens, type Opening, type TokenCounts } from "../../src/usage/observer.ts";
import { cutStep } from "../support/draws.ts";

/** All that an observer has to say in the end. */
export interface Reading {
  /** Of an error its JSON alone. */
  opening: Exclude<Opening, { kind: "error" }> | { kind: "error"; event: unknown };
  complete: boolean;
  lateError: unknown;
  tokens: TokenCounts;
  reported: boolean;
  model: string | undefined;
  tier: string | undefined;
  webSearches: number;
  ids: readonly string[];
}

/** A good answer of which nothing is known. */
export const blank: Reading = {
  opening: { kind: "content" },
  complete: true,
  lateError: undefined,
  tokens: noTokens,
  reported: false,
  model: undefined,
  tier: undefined,
  webSearches: 0,
  ids: [],
};

export function readingOf(observer: AnswerObserver): Reading {
  const { opening, complete, lateError, report, ids } = observer;
  return { opening: withoutForm(opening), complete, lateError, ...report, ids: [...ids] };
}

function withoutForm(opening: Opening): Reading["opening"] {
  return opening.kind === "error" ? { kind: "error", event: opening.event } : opening;
}

export function readAll(observer: AnswerObserver, chunks: readonly Buffer[]): Reading {
  for (const chunk of chunks) observer.push(chunk);
  observer.end();
  return readingOf(observer);
}

export function bytewise(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
}

/** In one piece, in single bytes, and cut once in every place, or in each third unless all are asked for. */
export function assertReads(make: () => AnswerObserver, answer: string, expected: Reading): void {
  const bytes = Buffer.from(answer);
  assert.deepEqual(readAll(make(), [bytes]), expected);
  assert.deepEqual(readAll(make(), bytewise(bytes)), expected, "in single bytes");
  for (let at = 1; at < bytes.length; at += cutStep) {
    const reading = readAll(make(), [bytes.subarray(0, at), bytes.subarray(at)]);
    assert.deepEqual(reading, expected, `cut at ${at}`);
  }
}

/** The answer's openings as it comes byte by byte: how many bytes there are of each. */
export function openings(observer: AnswerObserver, answer: string): string {
  const runs: [kind: string, count: number][] = [];
  for (const byte of bytewise(Buffer.from(answer))) {
    observer.push(byte);
    const last = runs.at(-1);
    if (last?.[0] === observer.opening.kind) last[1]++;
    else runs.push([observer.opening.kind, 1]);
  }
  return runs.map(([kind, count]) => `${kind} ${count}`).join(", ");
}

export function event(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`;
}

export function dataOnly(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
