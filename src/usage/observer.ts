// The contract of the observers that read usage out of an answer's bytes as it passes by.

/** Tokens by kind. Every figure is what the provider reported last, never an estimate. */
export interface TokenCounts {
  /** Uncached input. */
  input: number;
  /** Reasoning included. */
  output: number;
  /** Cache writes with the 5-minute lifetime, and those whose lifetime the provider does not tell. */
  cacheWrite5m: number;
  cacheWrite1h: number;
  cacheRead: number;
  /** The part of `output` that was reasoning. */
  reasoning: number;
}

export interface UsageReport {
  tokens: TokenCounts;
  /** False while the provider has reported no figure at all. */
  reported: boolean;
  /** The model that answered, when the answer names it. */
  model: string | undefined;
  /** `priority`, `batch`, `flex`, `fast` … when the answer names one other than the standard: prices differ. */
  tier: string | undefined;
  /** Web searches the provider ran, billed apart. */
  webSearches: number;
}

/** What the first real event of an answer was: pings and empty keep-alives are none. */
export type Opening =
  | { kind: "pending" }
  | { kind: "content" }
  /** `event`: its JSON, parsed. */
  | { kind: "error"; event: unknown };

/**
 * Reads an answer as it passes, cut anywhere. It gets a copy of the reference and neither keeps nor changes the
 * chunk beyond its stated bound; it never throws for malformed input.
 */
export interface AnswerObserver {
  /** The next bytes, after content decoding. */
  push(chunk: Buffer): void;
  /** The upstream ended cleanly. */
  end(): void;
  /** Resolves when all that was pushed has been observed. Absent: it always has been when `push` returns. */
  settled?(): Promise<void>;
  readonly opening: Opening;
  /**
   * The answer is whole: its terminal event has passed (message_stop, response.completed|incomplete|failed), a finish
   * reason was seen where an API has no terminal event, or the JSON document closed.
   */
  readonly complete: boolean;
  /** The answer is a JSON document that has begun and not closed. Never so of an event stream. */
  readonly unclosed: boolean;
  /** An error event that came after content; its JSON. */
  readonly lateError: unknown;
  readonly report: UsageReport;
  /** Provider ids that tie later requests to this account (response ids), in order of appearance, bounded. */
  readonly ids: readonly string[];
  /** The first of what the provider encrypted in its answer: only this account can read it when it comes back. Undefined: nothing. */
  readonly encrypted: string | undefined;
}

export const noTokens: Readonly<TokenCounts> = {
  input: 0,
  output: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  cacheRead: 0,
  reasoning: 0,
};
