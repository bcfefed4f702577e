// Runs another program in the foreground in our place: its streams, signals and exit code are ours.

import { spawn } from "node:child_process";
import { isatty } from "node:tty";
import { toRun, UserError } from "../domain/errors.ts";
import { shellWord } from "../terminal/shells.ts";

export interface ProgramStart {
  /** Absolute. */
  file: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  platform: NodeJS.Platform;
}

export type ProgramEnd = { code: number; signal?: undefined } | { code?: undefined; signal: NodeJS.Signals };

export function startProgram(start: ProgramStart): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    const { file, args, options } = commandOf(start);
    const child = spawn(file, args, { cwd: start.cwd, env: { ...start.env }, stdio: "inherit", ...options });
    const release = forwardSignals((signal) => child.kill(signal));
    child.on("error", (error: NodeJS.ErrnoException) => {
      release();
      reject(
        new UserError(`${start.file} cannot be started: ${error.code ?? error.message}`, {
          fix: toRun("see whether it starts by itself", `${shellWord(start.file)} --version`),
          cause: error,
        }),
      );
    });
    child.on("exit", (code, signal) => {
      release();
      resolve(signal ? { signal } : { code: code ?? 1 });
    });
  });
}

/** From the keyboard these reach the whole foreground group, the program included: sent on, they would arrive twice. */
const keyboardSignals: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];
const otherSignals: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP"];

/** Keeps this process alive until the program has ended in its own way. Returns what undoes it. */
function forwardSignals(send: (signal: NodeJS.Signals) => void): () => void {
  const isKeyboard = isatty(0);
  const listeners = [...keyboardSignals, ...otherSignals].map((signal) => {
    const listener = () => {
      if (!isKeyboard || !keyboardSignals.includes(signal)) send(signal);
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  return () => {
    for (const { signal, listener } of listeners) process.off(signal, listener);
  };
}

/** Windows starts a batch file, npm's shims among them, through cmd.exe only, which reads the command line in its own way. */
function commandOf({ file, args, platform, env }: ProgramStart): {
  file: string;
  args: readonly string[];
  options: { windowsVerbatimArguments?: boolean };
} {
  if (platform !== "win32" || !/\.(cmd|bat)$/i.test(file)) return { file, args, options: {} };
  const line = [escapeForCmd(file), ...args.map(escapeArgumentForCmd)].join(" ");
  return {
    file: env.ComSpec ?? "cmd.exe",
    args: ["/d", "/s", "/c", `"${line}"`],
    options: { windowsVerbatimArguments: true },
  };
}

/** As the C runtime splits arguments (backslashes before a quote are doubled), then twice for cmd.exe: a shim reads it again. */
export function escapeArgumentForCmd(argument: string): string {
  const quoted = `"${argument.replace(/(?<!\\)(\\*)"/g, '$1$1\\"').replace(/(?<!\\)(\\*)$/, "$1$1")}"`;
  return escapeForCmd(escapeForCmd(quoted));
}

function escapeForCmd(text: string): string {
  return text.replace(/[()\][%!^"`<>&|;, *?]/g, "^$&");
}
