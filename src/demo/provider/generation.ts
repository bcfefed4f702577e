// What a simulated model says, before an API writes it: shared by the demo and by the scripted provider of the tests.

import type { TokenCounts } from "../../usage/observer.ts";

export type ContentPiece =
  | { kind: "text"; text: string }
  | { kind: "thinking"; text: string }
  | { kind: "tool"; id: string; name: string; input: unknown };

export interface Generation {
  /** Of the answer, as its API shows it. */
  id: string;
  model: string;
  pieces: readonly ContentPiece[];
  usage: TokenCounts;
  /** By its name in the API; undefined: the usual one. */
  stopReason?: string;
  /** The text of one piece as the deltas of a stream bring it. */
  split(text: string): string[];
}

/** An event before framing. A string is sent as it is. */
export type WireEvent = { name?: string; data: unknown } | string;

/** The event as the text of an event stream. */
export function frameEvent(event: WireEvent, newline: "\n" | "\r\n" = "\n"): string {
  if (typeof event === "string") return event;
  const name = event.name === undefined ? "" : `event: ${event.name}${newline}`;
  return `${name}data: ${JSON.stringify(event.data)}${newline}${newline}`;
}

/** A tool is called: models stop for the result. */
export function callsTool({ pieces }: Pick<Generation, "pieces">): boolean {
  return pieces.some(({ kind }) => kind === "tool");
}
