// What the completion scripts are asked in real shells, and what they should offer.

import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CompletionShell, runCompletion } from "../../src/cli/completion.ts";
import { fakeContext } from "./support.ts";

export async function generate(shell: CompletionShell): Promise<string> {
  const context = fakeContext();
  await runCompletion(context, shell);
  return context.out.stdout.text();
}

/** A `cc-relay` that knows three accounts, in the folder. */
export function writeProgram(folder: string): void {
  const program = join(folder, "cc-relay");
  writeFileSync(
    program,
    '#!/bin/sh\n[ "$*" = "__complete accounts" ] && printf "claude-1\\nclaude-2\\ngemini-1\\n"\n',
  );
  chmodSync(program, 0o755);
}

/** What a person types, the cursor at the end, and what the shell then offers. */
export const cases: [string[], string[]][] = [
  [["en"], ["env"]],
  [
    ["env", ""],
    ["claude", "codex", "gemini", "openai"],
  ],
  [["env", "--shell", "p"], ["powershell"]],
  [
    ["accounts", "enable", ""],
    ["claude-1", "claude-2", "gemini-1"],
  ],
  [
    ["accounts", "enable", "claude"],
    ["claude-1", "claude-2"],
  ],
  [["--config", "some.toml", "accounts", "e"], ["enable"]],
  [["service", "print", "l"], ["launchd"]],
  [["completion", "--h"], ["--help"]],
  [
    ["help", "ser"],
    ["serve", "service"],
  ],
];
