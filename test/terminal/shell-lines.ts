// What shells make of the lines that set a variable.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { type Shell, shellSyntax } from "../../src/terminal/shells.ts";

/** One shell that can be asked. */
export interface Interpreter {
  command: string;
  shell: Shell;
  /** Has the shell take over the lines of a file, in its own language. */
  takeOver(file: string): string;
  /** It takes all lines of a text for one, of which a comment is the rest. */
  joinsLines?: boolean;
}

/** Shows the variable, in every shell that is asked. */
const show = `printf '%s\\0' "$KEY"\n`;

/** What people and generators put into keys, and what shells trip over. */
const hostile = [
  "plain-key_1",
  "",
  "it's",
  "''",
  '"double"',
  "$HOME $" + "{HOME} $(touch pwned) `touch pwned`",
  "back\\slash \\' \\n \\\\",
  "line\nbreak\n",
  "\r\n\t\u0007\u001b[31m",
  "%PATH% !PATH! ^caret & | < > ;",
  "*?[a] ~ # not a comment",
  "‘typographic’ ‚quotes‛",
  "日本語 👍🏽 \u0085 \u2028",
  "-n",
  "!history !!",
];

export const keys = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...hostile) },
  { weight: 3, arbitrary: fc.string({ unit: "binary" }) },
  {
    weight: 3,
    arbitrary: fc.string({ unit: fc.constantFrom(..."'\"\\$`!%\n\r\t (){}[]<>|&;*?~#a".split("")) }),
  },
);

/**
 * Sets hostile keys in one real shell in turn, and then random ones out of one text: taking one over costs the shell two
 * processes. Each must come out as it went in.
 */
export function assertKeysSurvive(interpreter: Interpreter): void {
  const random = fc.sample(keys, 300).map((key) => key.replaceAll("\0", ""));
  const texts = [
    ...hostile.map((key) => [key]),
    ...(interpreter.joinsLines ? random.map((key) => [key]) : [random]),
  ];
  assert.deepEqual(evaluateAll(interpreter, texts), texts.flat());
}

/** Has one real shell take over each text; returns what it then had as each of the text's keys. */
function evaluateAll(interpreter: Interpreter, texts: readonly string[][]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "cc-relay-shells-"));
  try {
    const syntax = shellSyntax[interpreter.shell];
    const comment = syntax.comment("a comment: $(touch pwned) [x.y] 'q");
    const parts = texts.map((values, index) => {
      const file = join(folder, `${index}.env`);
      const lines = values.map((value) => `${syntax.set("KEY", value)}\n${comment}\n`);
      writeFileSync(file, lines.join(show));
      return `${interpreter.takeOver(file)}\n${show}`;
    });
    const script = join(folder, "script");
    writeFileSync(script, parts.join(""));
    const output = execFileSync(interpreter.command, [script], {
      cwd: folder,
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
    assert.equal(spawnSync("ls", ["pwned"], { cwd: folder }).status === 0, false, "a key was executed");
    return output.split("\0").slice(0, -1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The line that removes the variable leaves it unset: the script says `gone`. */
export function assertRemoved(command: string, script: string): void {
  assert.equal(execFileSync(command, ["-c", script], { encoding: "utf8" }), "gone");
}
