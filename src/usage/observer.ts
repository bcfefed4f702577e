// The contract of the observers that read usage out of an answer's bytes as it passes by.

/** Tokens by kind. Every figure is what the provider reported last, never an estimate. */
export interface TokenCounts {
  /** Uncached input. */
  input: number;
  /** Reasoning included. */
  output: number;
  /** Cache writes with the 5-minute lifetime, and those whose lifetime the provider does not give. */
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

/** What the first real event of an answer was: pings and empty keep-alives do not count. */
export type Opening =
  /** `unknown`: what has come so far that no API is known to send; undefined while nothing of that kind has. */
  | { kind: "pending"; unknown?: string }
  | { kind: "content" }
  /**
   * `event`: its JSON, parsed. `isAnswer`: it is an event of a stream, or an answer's own report of its failure, and not JSON of
   * another form in the place of an answer.
   */
  | { kind: "error"; event: unknown; isAnswer: boolean }
  /** Not an answer of this API. `what` says what it is instead: "a web page", "an array" … */
  | { kind: "foreign"; what: string };

/** A member that JSON answers are known by. */
export interface AnswerMark {
  member: string;
  /** The member has this string as its value; undefined: any value but null. */
  value?: string;
}

/** What every answer of one operation has. */
export interface AnswerShape {
  /** Every JSON answer has one of these; empty: any JSON object that is no error. */
  marks: readonly AnswerMark[];
  /** Whether `{}` is one, too: an API that leaves out what is empty or zero. */
  mayHoldNothing?: boolean;
  /** Whether an answer without a body is one. */
  mayBeEmpty?: boolean;
  /** Whether an answer that reports an earlier failure is a good one: a stored response. */
  mayHaveFailed?: boolean;
  /** Whether a JSON array of such objects is one: Gemini's streams without `alt=sse`. */
  mayBeArray?: boolean;
}

/** Any JSON object. */
export const anyObject: AnswerShape = { marks: [] };

/**
 * Reads an answer as it passes, in chunks that can end anywhere. It gets a copy of the reference and neither keeps nor changes the
 * chunk beyond its stated bound; it never throws for malformed input. The kind of answer is read from the bytes, not from the content type.
 */
export interface AnswerObserver {
  /** The next bytes, after content decoding. */
  push(chunk: Buffer): void;
  /** The upstream ended cleanly. */
  end(): void;
  /** Resolves when all that was pushed has been observed. Absent: it always has been when `push` returns. */
  settled?(): Promise<void>;
  /** So much of what was pushed is still to be observed that more should wait for `settled`. Absent: never. */
  readonly isBehind?: boolean;
  /** What it keeps of an event or document that is not whole yet. Absent: it looks after that itself. */
  readonly heldBytes?: number;
  /** Lets that go: nothing more is learned of what it is a part of. */
  forget?(): void;
  readonly opening: Opening;
  /** What the bytes turned out to be; undefined before the first byte that says it, and for what is neither. */
  readonly form: "events" | "document" | undefined;
  /**
   * The answer is whole: its terminal event has passed (message_stop, response.completed|incomplete|failed), a finish
   * reason was seen where an API has no terminal event, or the JSON document closed.
   */
  readonly complete: boolean;
  /**
   * Asked when the upstream has ended cleanly: what came is no whole answer all the same. An error that the provider itself put at
   * the end is an ending.
   */
  readonly isTruncated: boolean;
  /** Why nothing more can be read of the answer: then its usage is unknown. Undefined: all is read. */
  readonly unreadable: string | undefined;
  /** An error event that came after content; its JSON. */
  readonly lateError: unknown;
  readonly report: UsageReport;
  /** Provider ids by which later requests name this answer (response and message ids), in order of appearance, bounded. */
  readonly ids: readonly string[];
  /** The first of what the provider encrypted in its answer: only this account can read it when it comes back. Undefined: nothing. */
  readonly encrypted: string | undefined;
  /** The signatures of its thinking, and what was redacted of it, bounded; empty unless asked for. */
  readonly seals: readonly string[];
}

export const noTokens: Readonly<TokenCounts> = {
  input: 0,
  output: 0,
  cacheWrite5m: 0,
  cacheWrite1h: 0,
  cacheRead: 0,
  reasoning: 0,
};

/** All kinds together; reasoning is a part of the output. */
export function totalOf({
  input,
  output,
  cacheWrite5m,
  cacheWrite1h,
  cacheRead,
}: Readonly<TokenCounts>): number {
  return input + output + cacheWrite5m + cacheWrite1h + cacheRead;
}

/** The sum, kind by kind. */
export function addTokens(one: Readonly<TokenCounts>, other: Readonly<TokenCounts>): TokenCounts {
  return {
    input: one.input + other.input,
    output: one.output + other.output,
    cacheWrite5m: one.cacheWrite5m + other.cacheWrite5m,
    cacheWrite1h: one.cacheWrite1h + other.cacheWrite1h,
    cacheRead: one.cacheRead + other.cacheRead,
    reasoning: one.reasoning + other.reasoning,
  };
}
