// Writes assignments for each shell, with values quoted so that nothing in them is ever executed or expanded.

import type { Environment } from "./environment.ts";

export const shells = ["sh", "fish", "powershell", "cmd"] as const;
export type Shell = (typeof shells)[number];

export interface ShellSyntax {
  /** The command that sets and exports the variable; undefined when the shell has no safe way to write the value. */
  set(name: string, value: string): string | undefined;
  unset(name: string): string;
  comment(text: string): string;
  /** What a person types so that this shell takes over the output of `command`. */
  evaluate(command: string): string;
}

export const shellSyntax: Readonly<Record<Shell, ShellSyntax>> = {
  sh: {
    set: (name, value) => `export ${name}=${quoteSh(value)}`,
    unset: (name) => `unset ${name}`,
    comment: hash,
    evaluate: (command) => `eval "$(${command})"`,
  },
  fish: {
    // The semicolon keeps the lines apart where somebody evaluates a command substitution, which joins them.
    set: (name, value) => `set -gx ${name} ${quoteFish(value)};`,
    unset: (name) => `set -e ${name};`,
    comment: hash,
    evaluate: (command) => `${command} | source`,
  },
  powershell: {
    set: (name, value) => `$env:${name} = ${quotePowerShell(value)}`,
    unset: (name) => `Remove-Item -ErrorAction SilentlyContinue Env:${name}`,
    comment: hash,
    evaluate: (command) => `${command} | Out-String | Invoke-Expression`,
  },
  cmd: {
    set: (name, value) => (isSafeForCmd(value) ? `set "${name}=${value}"` : undefined),
    unset: (name) => `set "${name}="`,
    comment: (text) => (text === "" ? "rem" : `rem ${text}`),
    evaluate: (command) => `for /f "delims=" %i in ('${command}') do @%i`,
  },
};

/** fish is recognised by SHELL, which says what a person works in; every other login shell reads the lines for sh. */
export function guessShell(env: Environment, platform: NodeJS.Platform): Shell {
  if (env.SHELL) return /(^|\/)fish$/.test(env.SHELL) ? "fish" : "sh";
  return platform === "win32" ? "powershell" : "sh";
}

/** POSIX, Shell Command Language 2.2.2: inside single quotes every character means itself. */
export function quoteSh(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

/** A file name or an id in a command that a person copies: as it is where no shell makes anything of it, else in quotes. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) && !text.startsWith("~") ? text : quoteSh(text);
}

/** fish, "Quotes": only `\'` and `\\` mean something inside single quotes. Control characters are put outside, so that it stays one line. */
function quoteFish(value: string): string {
  const quoted = value
    .replace(/[\\']/g, "\\$&")
    .replace(/\p{Cc}/gu, (character) => `'\\u00${hex(character)}'`);
  return `'${quoted}'`;
}

/** PowerShell, about_Quoting_Rules: a single quote is doubled, and the typographic ones count as such. */
function quotePowerShell(value: string): string {
  const pieces = value.split(/(\p{Cc})/u).map((piece, index) => {
    if (index % 2 === 1) return `[char]0x${hex(piece)}`;
    return `'${piece.replace(/['\u2018-\u201B]/g, "$&$&")}'`;
  });
  // An empty string first makes the sum a string whatever comes next.
  const needed = pieces.filter((piece, index) => index === 0 || piece !== "''");
  return needed.join(" + ");
}

/**
 * cmd.exe expands `%` and, where delayed expansion is on, `!` inside quotes too, doubles `^` after `call`, and has no
 * escape for a quote; whether a doubled percent sign is undone depends on how the output is evaluated. The console's
 * code page decides what other characters become.
 */
function isSafeForCmd(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value) && !/["%!^]/.test(value);
}

function hash(text: string): string {
  return text === "" ? "#" : `# ${text}`;
}

/** Two digits: control characters end at U+009F. */
function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).padStart(2, "0");
}
