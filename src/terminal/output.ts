// Where a command prints: results to standard output, everything else to standard error.

import { isatty } from "node:tty";
import type { Environment } from "./environment.ts";
import { createStyle, type Style } from "./style.ts";

/** One of the two streams, with what is known about its reader: a terminal or not, colours, width. */
export interface Screen {
  /** Writes the text as it is; nothing is added. Never throws, also when the reader has gone. */
  write(text: string): void;
  /** A person looks at it: headers, alignment, relative times. Otherwise tab-separated, no header, RFC 3339. */
  readonly isTerminal: boolean;
  /** Columns; 80 where nobody knows. */
  readonly width: number;
  /** Paints when colour is on, else returns the text. */
  readonly style: Style;
  /** Block characters and signs can be shown. */
  readonly unicode: boolean;
  /** The terminal is closed, or the reader of the pipe has gone: nobody reads any more. */
  isGone(): boolean;
}

export interface Output {
  readonly stdout: Screen;
  readonly stderr: Screen;
}

/** The part of process.stdout and process.stderr that is used. */
export interface OutputStream {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  fd?: number;
  on?(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
}

export interface OutputOptions {
  stdout: OutputStream;
  stderr: OutputStream;
  env: Environment;
  platform?: NodeJS.Platform;
}

export function createOutput({ stdout, stderr, env, platform = process.platform }: OutputOptions): Output {
  const screen = (stream: OutputStream): Screen => {
    const isTerminal = stream.isTTY === true;
    let hasReader = true;
    // The stream's own `errored` is taken back by Node: standard output cannot be destroyed.
    stream.on?.("error", ({ code }) => {
      if (code === "EPIPE") hasReader = false;
    });
    return {
      write: (text) => void stream.write(text),
      isTerminal,
      get width() {
        return stream.columns || positive(env.COLUMNS) || 80;
      },
      style: createStyle(wantsColour(isTerminal, env)),
      unicode: !isTerminal || isUtf8(env, platform),
      isGone: () => (isTerminal ? stream.fd !== undefined && !isatty(stream.fd) : !hasReader),
    };
  };
  return { stdout: screen(stdout), stderr: screen(stderr) };
}

/** FORCE_COLOR, then NO_COLOR (no-color.org: any value but the empty one), then what the stream is. */
export function wantsColour(isTerminal: boolean, env: Environment): boolean {
  const force = env.FORCE_COLOR;
  if (force !== undefined) return force !== "0" && force !== "false";
  if (env.NO_COLOR) return false;
  return isTerminal && env.TERM !== "dumb";
}

/** Whether the terminal's locale can show more than ASCII (POSIX: LC_ALL, then LC_CTYPE, then LANG). */
function isUtf8(env: Environment, platform: NodeJS.Platform): boolean {
  if (platform === "win32") return Boolean(env.WT_SESSION || env.TERM_PROGRAM);
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG;
  if (!locale) return platform === "darwin";
  return /utf-?8/i.test(locale);
}

function positive(text: string | undefined): number | undefined {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : undefined;
}
