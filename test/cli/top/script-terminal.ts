// A terminal made by script(1), which the operating system's tests have everywhere.

import { spawn } from "node:child_process";
import type { TestContext } from "node:test";

export interface Terminal {
  output(): string;
  type(keys: string): void;
  exitCode: Promise<number | null>;
}

/** Runs a shell's command in a terminal of 100 columns and 24 rows. */
export function openTerminal(t: TestContext, command: string, env: Record<string, string> = {}): Terminal {
  const options = ["--quiet", "--flush", "--return", "--command", `stty rows 24 cols 100; ${command}`];
  const child = spawn("script", [...options, "/dev/null"], {
    env: {
      ...process.env,
      SHELL: "/bin/sh",
      TERM: "xterm-256color",
      LANG: "C.UTF-8",
      PS1: "prompt> ",
      ...env,
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  t.after(() => void child.kill("SIGKILL"));
  return {
    output: () => output,
    type: (keys) => void child.stdin.write(keys),
    exitCode: new Promise((resolve) => child.once("close", resolve)),
  };
}
