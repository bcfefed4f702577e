// The log: JSON lines for machines, one-line text for a terminal, secrets removed from both.

import { pino } from "pino";
import { stackOf } from "../domain/errors.ts";
import { escapeControls, replaceControls } from "../text/control-characters.ts";
import { censored, holdsSecret, redact } from "../text/redact.ts";
import { createLineWriter } from "./line-writer.ts";

/** What every layer logs with. The fields come first, the message says in lower case what happened. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/** One entry as it is in its JSON line. */
export type LogEntry = Readonly<Record<string, unknown>>;

export interface LogOptions {
  level: LogLevel;
  /** One line of text per entry instead of JSON: for a person at a terminal. */
  pretty: boolean;
  /** ANSI colours in the pretty form; off when absent. */
  colour?: boolean;
  /** The pretty form of an entry behind its time and level, where there is a better one than message and fields; null: none. */
  describe?: (entry: LogEntry) => string | undefined | null;
  /** Where the lines go, newline included; standard error when absent. */
  destination?: { write(text: string): unknown };
  /** Secrets that have no recognisable form (relay keys, refresh tokens); asked for every line, so that a reload counts. */
  secrets?: () => readonly string[];
  /** Epoch ms; the system's clock when absent. */
  clock?: () => number;
}

const standardError = 2;

export function createLog(options: LogOptions): Log {
  const destination = options.destination ?? createLineWriter(standardError);
  const clean = createLineCleaner(options.secrets ?? (() => []));
  const clock = options.clock ?? Date.now;
  const render = options.pretty ? (line: string) => prettyLine(line, options) : undefined;
  return pino(
    {
      level: options.level,
      base: undefined,
      timestamp: () => `,"time":"${new Date(clock()).toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: (error) => describeError(error), error: (error) => describeError(error) },
    },
    {
      write(line: string) {
        const safe = clean(line);
        const text = render ? render(safe) : escapeControls(safe);
        if (text !== "") destination.write(text);
      },
    },
  );
}

/** Drops everything: for tests and for commands that report in their own way. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
};

const secretNames = [
  "authorization",
  "proxy-authorization",
  "x-api-key",
  "x-goog-api-key",
  "cookie",
  "set-cookie",
  "api_key",
  "apiKey",
  "api_keys",
  "apiKeys",
  "refresh_token",
  "refreshToken",
  "access_token",
  "accessToken",
  "id_token",
  "client_secret",
  "clientSecret",
  "code_verifier",
  "secret",
  "password",
  "credential",
  "clientCredential",
];

const secretName = new RegExp(`"(?:${secretNames.join("|")})":`, "i");
const wholeSecretName = new RegExp(`^(?:${secretNames.join("|")})$`, "i");

/** pino's own redaction walks every entry by every path; looking for the names in the finished line costs a fiftieth of it. */
function censorNamed(line: string): string {
  if (!secretName.test(line)) return line;
  const censor = (name: string, value: unknown) => (wholeSecretName.test(name) ? censored : value);
  return `${JSON.stringify(JSON.parse(line, censor))}\n`;
}

/** Only what explains the error: libraries hang requests with their headers onto error objects. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as Error & { code?: unknown };
  return {
    type: error.name,
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    message: error.message,
    stack: error.stack,
    ...(error.cause === undefined || depth === 4 ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}

/** Works on the finished line, inside its strings only: whatever way a secret got into the entry, the line stays JSON. */
function createLineCleaner(secrets: () => readonly string[]): (line: string) => string {
  let seen: readonly string[] | undefined;
  let escaped: string[] = [];
  return (entry) => {
    const line = censorNamed(entry);
    const known = secrets();
    if (known !== seen) {
      seen = known;
      // The longest first: a key may be the beginning of another.
      escaped = known
        .map((secret) => JSON.stringify(secret).slice(1, -1))
        .sort((a, b) => b.length - a.length);
    }
    if (!holdsSecret(line, escaped)) return line;
    return line.replace(/"(?:[^"\\]|\\.)*"/g, (literal) => `"${redact(literal.slice(1, -1), escaped)}"`);
  };
}

const colours: Readonly<Record<string, string>> = {
  error: "31",
  warn: "33",
  info: "36",
  debug: "90",
  trace: "90",
};

/** `14:03:21 info  message  account=claude-1 status=200`, with the stack of an error on lines of its own. */
function prettyLine(line: string, { colour = false, describe }: LogOptions): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const { level, time, msg, ...fields } = entry;
  const paint = (code: string, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const name = String(level);
  const start = `${paint("90", localClock(String(time)))} ${paint(colours[name] ?? "0", name.padEnd(5))} `;
  const described = describe?.(entry);
  if (described !== undefined) return `${start}${described}\n`;
  const words: string[] = [];
  let stack = "";
  for (const [key, value] of Object.entries(fields)) {
    if (isDescribedError(value)) {
      words.push(`${paint("90", `${key}=`)}${printable(value.message)}`);
      if (name === "error" && value.stack) stack = `\n${indent(value.stack)}`;
    } else {
      words.push(`${paint("90", `${key}=`)}${printable(value)}`);
    }
  }
  const head = `${start}${plain(String(msg ?? ""))}`;
  return `${[head, ...words].join("  ").trimEnd()}${stack}\n`;
}

function isDescribedError(value: unknown): value is { message: string; stack?: string } {
  return (
    typeof value === "object" && value !== null && "type" in value && "message" in value && "stack" in value
  );
}

function printable(value: unknown): string {
  if (typeof value === "string" && /^[^\s"=]+$/.test(value)) return plain(value);
  return plain(JSON.stringify(value) ?? String(value));
}

/** Text of providers and clients must not move the cursor or recolour the terminal. */
function plain(text: string): string {
  return replaceControls(text, " ");
}

function indent(stack: string): string {
  return stack
    .split("\n")
    .map((line) => `    ${plain(line.trim())}`)
    .join("\n");
}

function localClock(time: string): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/**
 * Keeps the relay up when a promise rejects that nobody listens to: it costs one log line, not every open stream. Returns a function
 * that ends it. What is thrown outside of promises ends the process as ever.
 */
export function logRejections(log: Log): () => void {
  const report = (reason: unknown) => {
    log.error({ err: stackOf(reason) }, "unhandled rejection");
  };
  process.on("unhandledRejection", report);
  return () => void process.off("unhandledRejection", report);
}
