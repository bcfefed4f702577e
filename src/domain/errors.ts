// The two kinds of error that cc-relay makes: RelayError for a client program, UserError for a person.

/**
 * Every code that `x-cc-relay-error` can carry, with its HTTP status in APIs that have no status of their own for it.
 * The README's table is checked against this list.
 */
export const relayErrors = {
  invalid_key: { status: 401, summary: "the relay key is missing or wrong" },
  forbidden_origin: { status: 403, summary: "the request came from a web page of another origin" },
  forbidden_host: { status: 403, summary: "the Host header names a host the relay does not answer for" },
  not_found: { status: 404, summary: "no such route" },
  unknown_account: { status: 404, summary: "x-cc-relay-account names no enabled account" },
  unknown_model: { status: 404, summary: "no account offers the model" },
  binding_gone: { status: 404, summary: "the account that holds this conversation's state is gone" },
  method_not_allowed: { status: 405, summary: "the route exists, but not with this method" },
  body_timeout: { status: 408, summary: "the request's body did not arrive in time" },
  body_too_large: {
    status: 413,
    summary:
      "the body is larger than server.max_body_mb or server.memory_mb, or than server.max_converted_mb where it is converted",
  },
  invalid_request: { status: 400, summary: "the request cannot be read or converted" },
  unsupported_encoding: { status: 415, summary: "the body has a content-encoding the relay cannot read" },
  upgrade_required: { status: 426, summary: "WebSocket is not offered; use HTTP" },
  all_limited: { status: 429, summary: "every account that could answer is at its limit" },
  account_in_cooldown: { status: 429, summary: "the one account that can answer is in cooldown" },
  not_supported: { status: 501, summary: "no account of this family offers the operation" },
  upstream_unreachable: { status: 502, summary: "the provider could not be reached" },
  upstream_truncated: { status: 502, summary: "the provider broke off its answer before it was whole" },
  upstream_invalid: { status: 502, summary: "what the provider sent is not an answer of this API" },
  no_account: { status: 503, summary: "no enabled account can serve the request" },
  needs_login: { status: 503, summary: "every account's credential was refused" },
  over_capacity: { status: 503, summary: "the provider is out of capacity on every account" },
  edge_refused: { status: 503, summary: "a firewall in front of the provider refused on every account" },
  out_of_resources: { status: 503, summary: "this machine is short of descriptors, memory or ports" },
  memory_exhausted: { status: 503, summary: "other bodies take all of server.memory_mb" },
  draining: { status: 503, summary: "the relay is shutting down" },
  upstream_timeout: { status: 504, summary: "the provider sent nothing in time" },
  internal: { status: 500, summary: "a fault of the relay itself" },
} as const satisfies Record<string, { status: number; summary: string }>;

export type RelayErrorCode = keyof typeof relayErrors;

export interface RelayErrorDetails {
  /** Whole seconds until a retry makes sense; sent as `retry-after`. */
  retryAfterSeconds?: number;
  /** Sent as `x-should-retry` when given. */
  shouldRetry?: boolean;
  /** The request parameter at fault, for APIs whose errors name it. */
  param?: string;
  /** The client sends the request again by itself, and it is answered elsewhere: its user sees no error. */
  isMove?: boolean;
  /** What the log says beside the code: the setting and what was refused, for instance. No secrets. */
  logged?: Readonly<Record<string, string>>;
  cause?: unknown;
}

/** An error for a client program; `dialects/` renders it in the form of the API that was called. */
export class RelayError extends Error {
  readonly code: RelayErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly shouldRetry: boolean | undefined;
  readonly param: string | undefined;
  readonly isMove: boolean;
  readonly logged: Readonly<Record<string, string>> | undefined;

  /** @param message one sentence: what happened, until when, and what to do. Claude Code prints it word for word. */
  constructor(code: RelayErrorCode, message: string, details: RelayErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = "RelayError";
    this.code = code;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.shouldRetry = details.shouldRetry;
    this.param = details.param;
    this.isMove = details.isMove ?? false;
    this.logged = details.logged;
  }
}

/** More than the relay reads of one answer, which is no fault of the account's. */
export class AnswerTooLarge extends RelayError {
  override name = "AnswerTooLarge";
  readonly reason: string;

  constructor(reason: string) {
    super("upstream_invalid", `The provider's answer cannot be used: ${reason}; ask for it as a stream.`);
    this.reason = reason;
  }
}

/** What a person can do about a fault. */
export interface Fix {
  /** What to do; where there is a command it leads to it: `to log in again, run:`. */
  instruction: string;
  /** To be copied as it is; undefined: there is none. */
  command?: string | undefined;
}

/** A string is an instruction without a command. */
export type Advice = string | Fix;

/** `to PURPOSE, run: COMMAND` */
export function toRun(purpose: string, command: string): Fix {
  return { instruction: `to ${purpose}, run:`, command };
}

export function fixOf(advice: Advice): Fix {
  return typeof advice === "string" ? { instruction: advice } : advice;
}

/** The whole of it in one line. */
export function fixText(advice: Advice): string {
  const { instruction, command } = fixOf(advice);
  return command === undefined ? instruction : `${instruction} ${command}`;
}

/** 1 failed, 2 wrong usage or cancelled, 4 login needed. */
export type ExitCode = 1 | 2 | 4;

/** An error for the person at the keyboard: what is wrong, where, and the command that fixes it. Never has a stack trace. */
export class UserError extends Error {
  readonly fix: Fix | undefined;
  readonly exitCode: ExitCode;

  constructor(
    message: string,
    details: { fix?: Advice | undefined; exitCode?: ExitCode; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.name = "UserError";
    this.fix = details.fix === undefined ? undefined : fixOf(details.fix);
    this.exitCode = details.exitCode ?? 1;
  }
}

/** For the log: a fault of our own. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Whatever was thrown. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
