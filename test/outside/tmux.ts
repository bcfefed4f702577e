// A terminal of tmux's, for what a person would see: the screen as text, and the terminal's own state.

import { execFileSync } from "node:child_process";
import type { TestContext } from "node:test";

export interface TmuxTerminal {
  /** The visible lines, without white space at their ends. */
  screen(): string[];
  /** A value of tmux's own, `alternate_on` for instance. */
  state(name: string): string;
  /** Names of keys, or text. */
  type(...keys: string[]): void;
  resize(size: TmuxSize): void;
}

export interface TmuxSize {
  columns: number;
  rows: number;
}

export interface TmuxOptions extends TmuxSize {
  /** For the shell's own `sh -c`. */
  command: string;
}

let count = 0;

/** A server of its own, without anybody's configuration; it goes with everything in it when the test is over. */
export function openTmux(t: TestContext, { columns, rows, command }: TmuxOptions): TmuxTerminal {
  count += 1;
  const server = `cc-relay-test-${process.pid}-${count}`;
  const tmux = (...args: string[]) =>
    execFileSync("tmux", ["-L", server, "-f", "/dev/null", ...args], { encoding: "utf8" });
  const size = ["-x", String(columns), "-y", String(rows)];
  tmux("new-session", "-d", ...size, "-e", "LANG=C.UTF-8", command);
  t.after(() => {
    try {
      tmux("kill-server");
    } catch {
      // The program has ended, and the server with it.
    }
  });
  return {
    screen: () =>
      tmux("capture-pane", "-p")
        .replace(/\n$/, "")
        .split("\n")
        .map((line) => line.trimEnd()),
    state: (name) => tmux("display-message", "-p", `#{${name}}`).trim(),
    type: (...keys) => void tmux("send-keys", ...keys),
    resize: (to) => void tmux("resize-window", "-x", String(to.columns), "-y", String(to.rows)),
  };
}
