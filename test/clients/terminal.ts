// A program in a pseudo-terminal, driven as a person would. The terminal is made by util-linux's `script`, which every Debian has.

import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { collect, killGroup } from "./program.ts";

export interface Terminal {
  type(keys: string): void;
  /** Everything shown so far: no escape sequences, no white space. Programs place words with the cursor, so spaces mean nothing. */
  seen(): string;
  /** Resolves when the text has been shown after this call; rejects with what was shown instead. */
  shows(text: string | RegExp, timeoutMs?: number): Promise<void>;
  /** Resolves with the exit code when the program ends by itself. */
  ended(timeoutMs?: number): Promise<number | null>;
  close(): Promise<void>;
}

export interface TerminalProgram {
  file: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
}

export function openTerminal({ file, args, env, cwd }: TerminalProgram): Terminal {
  const command = `stty rows 50 cols 140; exec ${[file, ...args].map(quote).join(" ")}`;
  const child = spawn("script", ["--quiet", "--flush", "--return", "--command", command, "/dev/null"], {
    env: { ...env, SHELL: "/bin/sh" },
    cwd,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => {});
  const output = collect(child.stdout);
  const end = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  let isOver = false;
  end
    .catch(() => {})
    .finally(() => {
      isOver = true;
    });
  const seen = () => readable(output());

  return {
    type: (keys) => void child.stdin.write(keys),
    seen,
    async shows(text, timeoutMs = 30_000) {
      const from = seen().length;
      const deadline = Date.now() + timeoutMs;
      const wanted = typeof text === "string" ? text.replaceAll(/\s/g, "") : text;
      for (;;) {
        const isLast = isOver || Date.now() > deadline;
        const shown = seen().slice(from);
        if (typeof wanted === "string" ? shown.includes(wanted) : wanted.test(shown)) return;
        if (isLast) {
          throw new Error(`the terminal does not show ${text}, but: ${shown.slice(-3000)}`);
        }
        await sleep(50);
      }
    },
    ended(timeoutMs = 15_000) {
      const late = sleep(timeoutMs, undefined, { ref: false }).then(() => {
        throw new Error(`${file} did not end within ${timeoutMs} ms: ${seen().slice(-1000)}`);
      });
      return Promise.race([end, late]);
    },
    async close() {
      killGroup(child);
      await end.catch(() => {});
    },
  };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

const escapeSequence = new RegExp(
  [
    "\\u001b\\[[0-9;:?<>=!]*[ -/]*[@-~]",
    "\\u001b[\\]PX^_].*?(?:\\u0007|\\u001b\\\\)",
    "\\u001b[ -/]*[0-~]",
  ].join("|"),
  "gs",
);

function readable(output: string): string {
  return output.replaceAll(escapeSequence, "").replaceAll(/\s/g, "");
}
