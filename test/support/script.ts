// What the scripts of the three families have in common: the shape of an answer, made-up usage, and cutting texts into events.

import type { ContentPiece, Generation, WireEvent } from "../../src/demo/provider/generation.ts";
import type { TokenCounts } from "../../src/usage/observer.ts";
import type { Behaviour, RecordedRequest } from "./behaviour.ts";

export interface ScriptedAnswer {
  form: "json" | "sse" | "json-array";
  headers: Record<string, string>;
  /** The document of a `json` answer. */
  document?: unknown;
  /** The events of a stream, made one at a time. */
  events?: Iterable<WireEvent>;
  newline: "\n" | "\r\n";
  /** Whether the answer costs tokens. */
  billed: boolean;
  status?: number;
}

export interface Script {
  /** Undefined when the path is not one of the family's. */
  answer(request: RecordedRequest, behaviour: Behaviour, usage: TokenCounts): ScriptedAnswer | undefined;
  /** Figures that a document or event carries, already in the relay's kinds. */
  usageIn(data: unknown): Partial<TokenCounts> | undefined;
  /** Whether nothing of the answer is missing after this event. */
  isTerminal(data: unknown): boolean;
  isError(data: unknown): boolean;
}

export const defaultText = "Grüße vom Skript: 你好, 👋 and good-bye.";

/** Different, odd figures for every request, so that two requests taken for one another never add up. */
export function inventUsage(index: number, override: Partial<TokenCounts> = {}): TokenCounts {
  const output = 20 + ((index * 13) % 977);
  return {
    input: 100 + ((index * 7) % 9973),
    output,
    cacheWrite5m: (index * 3) % 401,
    cacheWrite1h: (index * 5) % 211,
    cacheRead: (index * 11) % 20011,
    reasoning: index % 3 === 0 ? output % 17 : 0,
    ...override,
  };
}

function contentPieces(behaviour: Behaviour): ContentPiece[] {
  const content = behaviour.content ?? defaultText;
  const pieces: ContentPiece[] =
    typeof content === "string" ? [{ kind: "text", text: content }] : [...content];
  if (behaviour.hugeEventBytes !== undefined) {
    pieces.push({ kind: "text", text: "x".repeat(behaviour.hugeEventBytes) });
  }
  return pieces;
}

/** What the behaviour makes the model say. */
export function generationOf({
  behaviour,
  ...answer
}: Pick<Generation, "id" | "model" | "usage"> & { behaviour: Behaviour }): Generation {
  return {
    ...answer,
    pieces: contentPieces(behaviour),
    stopReason: behaviour.stopReason,
    split: (text) => splitText(text, behaviour.events ?? 3),
  };
}

/** Cuts a text into `count` pieces without cutting characters; fewer when it is shorter. Huge texts stay whole. */
function splitText(text: string, count: number): string[] {
  if (text.length > 100_000) return [text];
  const characters = [...text];
  const size = Math.max(1, Math.ceil(characters.length / Math.max(1, count)));
  const pieces: string[] = [];
  for (let start = 0; start < characters.length; start += size) {
    pieces.push(characters.slice(start, start + size).join(""));
  }
  return pieces.length > 0 ? pieces : [""];
}

/** The family's own events with the behaviour's keep-alives, error events and raw events worked in. */
export function* applyEvents(
  behaviour: Behaviour,
  own: Iterable<WireEvent>,
  family: { ping?: WireEvent; nameOf: (data: unknown) => string | undefined },
): Generator<WireEvent> {
  const frame = (data: unknown): WireEvent =>
    typeof data === "string" ? data : { name: family.nameOf(data), data };
  let sent = 0;
  if (family.ping !== undefined) {
    for (; sent < (behaviour.pings ?? 0); sent++) yield family.ping;
  }
  if (behaviour.firstEvent !== undefined) {
    yield frame(behaviour.firstEvent);
    return;
  }
  const events = behaviour.rawEvents === undefined ? own : behaviour.rawEvents.map(frame);
  for (const event of events) {
    if (behaviour.errorAfter !== undefined && sent >= behaviour.errorAfter.events) break;
    yield event;
    sent++;
  }
  if (behaviour.errorAfter !== undefined) yield frame(behaviour.errorAfter.event);
}
