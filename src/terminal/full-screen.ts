// The whole terminal as one picture of lines: the alternate screen, raw keys, and the terminal as it was before, however it ends.

import { type Key, readKeys } from "./keys.ts";

export interface FullScreen {
  readonly columns: number;
  readonly rows: number;
  /** Shows these lines, as many as there are rows; only those that changed are written. */
  draw(lines: readonly string[]): void;
  /** The terminal as it was before. Nothing is drawn any more. */
  close(): void;
}

export interface FullScreenEvents {
  onKey(key: Key): void;
  /** The size has changed, or the program was stopped and goes on: all has to be drawn again. */
  onChange(): void;
  /** A signal wants the program to end; `code` is what it exits with then. */
  onEnd(code: number): void;
}

/** The parts of the process that are used. */
export interface TerminalProcess {
  stdin: {
    setRawMode?(raw: boolean): unknown;
    on(event: "data", listener: (chunk: Buffer) => void): unknown;
    off(event: "data", listener: (chunk: Buffer) => void): unknown;
    resume(): unknown;
    pause(): unknown;
  };
  stdout: {
    write(text: string): unknown;
    columns?: number | undefined;
    rows?: number | undefined;
    on(event: "resize", listener: () => void): unknown;
    off(event: "resize", listener: () => void): unknown;
  };
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  prependListener(event: string, listener: () => void): unknown;
  kill(pid: number, signal: NodeJS.Signals): unknown;
  readonly pid: number;
  readonly platform: NodeJS.Platform;
}

/** 128 and the number of the signal, as shells have it. */
const endings: readonly (readonly [NodeJS.Signals, number])[] = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
];

const enterText = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J";
const leaveText = "\u001b[?7h\u001b[?25h\u001b[?1049l";
/** An escape that is the beginning of a sequence has its rest by then. */
const escapeMs = 30;

export function openFullScreen(process: TerminalProcess, events: FullScreenEvents): FullScreen {
  const { stdin, stdout } = process;
  let shown: string[] = [];
  let isShown = false;
  let isOpen = true;
  let pending: NodeJS.Timeout | undefined;
  let returning: NodeJS.Timeout | undefined;

  function enter(): void {
    if (!isOpen) return;
    // The shell has set the terminal's mode while the program was stopped: the same one again would be taken for no change.
    stdin.setRawMode?.(false);
    stdin.setRawMode?.(true);
    stdout.write(enterText);
    shown = [];
    isShown = true;
  }

  function leave(): void {
    if (!isShown) return;
    isShown = false;
    stdin.setRawMode?.(false);
    stdout.write(leaveText);
  }

  function resume(): void {
    if (!isOpen) return;
    clearTimeout(returning);
    listenForStop();
    enter();
    events.onChange();
  }

  /** Stops the whole job, as the terminal itself does for Ctrl-Z: npx and a shell script wait around this process. */
  function suspend(target: number): void {
    leave();
    process.off("SIGTSTP", onStop);
    process.kill(target, "SIGTSTP");
    // Where nobody could go on with it, the system does not stop it: then this is the way back.
    clearTimeout(returning);
    returning = setTimeout(resume, 100);
  }

  const onStop = () => suspend(process.pid);
  function listenForStop(): void {
    process.off("SIGTSTP", onStop);
    process.on("SIGTSTP", onStop);
  }
  const onResize = () => {
    shown = [];
    if (isShown) stdout.write("\u001b[2J");
    events.onChange();
  };

  function handle(key: Key): void {
    if (key.name === "interrupt") events.onEnd(130);
    else if (key.name === "suspend" && canStop) suspend(0);
    else events.onKey(key);
  }

  let held = "";
  function onData(chunk: Buffer): void {
    clearTimeout(pending);
    const text = held + chunk.toString();
    held = "";
    if (text.endsWith("\u001b")) {
      held = "\u001b";
      pending = setTimeout(() => {
        held = "";
        handle({ name: "escape" });
      }, escapeMs);
    }
    for (const key of readKeys(held === "" ? text : text.slice(0, -1))) handle(key);
  }

  const canStop = process.platform !== "win32";
  const ends = endings.map(([signal, code]) => [signal, () => events.onEnd(code)] as const);
  for (const [signal, listener] of ends) process.on(signal, listener);
  if (canStop) {
    listenForStop();
    process.on("SIGCONT", resume);
  }
  // What is printed of a crash must not go with the alternate screen.
  process.prependListener("uncaughtException", leave);
  process.on("exit", leave);
  stdin.on("data", onData);
  stdin.resume();
  stdout.on("resize", onResize);
  enter();

  return {
    get columns() {
      return stdout.columns || 80;
    },
    get rows() {
      return stdout.rows || 24;
    },
    draw(lines) {
      if (!isShown) return;
      const rows = stdout.rows || 24;
      const wanted = Array.from({ length: rows }, (_, row) => lines[row] ?? "");
      const changed = wanted.flatMap((line, row) =>
        line === (shown[row] ?? "") ? [] : [`\u001b[${row + 1};1H\u001b[2K${line}\u001b[0m`],
      );
      shown = wanted;
      if (changed.length > 0) stdout.write(changed.join(""));
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      clearTimeout(pending);
      clearTimeout(returning);
      leave();
      stdin.off("data", onData);
      stdin.pause();
      stdout.off("resize", onResize);
      for (const [signal, listener] of ends) process.off(signal, listener);
      if (canStop) {
        process.off("SIGTSTP", onStop);
        process.off("SIGCONT", resume);
      }
      process.off("uncaughtException", leave);
      process.off("exit", leave);
    },
  };
}
