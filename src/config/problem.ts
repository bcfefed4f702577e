// Problems of a configuration and their messages: safe to print, whatever the file holds.

import { type Advice, fixText, UserError } from "../domain/errors.ts";
import { redact } from "../text/redact.ts";

/** The place of a value: table keys and array positions from the root. */
export type KeyPath = readonly (string | number)[];

/** A fault in the data, before its line in the file is known. */
export interface Finding {
  path: KeyPath;
  /** What is wrong, as the rest of a sentence that began with the key. Never holds a value that could be a secret. */
  what: string;
  /** What to write instead, as an instruction. */
  fix: Advice;
}

export interface Problem {
  /** The file, when one was read. */
  file: string | undefined;
  /** From 1; undefined when it is not known. */
  line: number | undefined;
  /** `accounts[1].api_url`; "" when the whole file is meant. */
  key: string;
  what: string;
  fix: Advice;
}

/** Every problem of one configuration at once. The message is complete and safe to print. */
export class ConfigError extends UserError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options: { cause?: unknown } = {}) {
    super(describeProblems(problems), options);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** `accounts[1].proxy."odd key"`, bounded and printable. */
export function formatKey(path: KeyPath): string {
  let text = "";
  for (const part of path.slice(0, shownDepth)) {
    if (typeof part === "number") text += `[${part}]`;
    else text += `${text === "" ? "" : "."}${formatPart(part)}`;
  }
  return path.length > shownDepth ? `${text}.…` : text;
}

// A hostile file can hold a hundred thousand faults or a key of a megabyte; the message stays readable.
const shownProblems = 100;
const shownDepth = 8;
const shownKeyLength = 60;
const maxKeyLength = 1000;
const shownFileLength = 400;

function formatPart(part: string): string {
  // A key pasted on the left side of the = is a secret all the same.
  const safe = redact(part.slice(0, maxKeyLength));
  if (/^[A-Za-z0-9_-]+$/.test(safe)) return printable(safe, shownKeyLength);
  return `"${printable(safe, shownKeyLength).replaceAll('"', '\\"')}"`;
}

function describeProblems(problems: readonly Problem[]): string {
  const shown = problems.slice(0, shownProblems).map(describeProblem);
  const left = problems.length - shown.length;
  if (left > 0) shown.push(`… and ${left} more`);
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return [`the configuration has ${count}`, ...shown].join("\n\n");
}

function describeProblem(problem: Problem): string {
  const place = [
    ...(problem.file === undefined ? [] : [printable(problem.file, shownFileLength)]),
    ...(problem.line === undefined ? [] : [String(problem.line)]),
  ].join(":");
  const heading = [place, problem.key].filter((part) => part !== "").join(": ");
  return `${heading}\n  ✗ ${problem.what}\n  - ${fixText(problem.fix)}`;
}

/**
 * The text with every character escaped that a terminal would act on or hide (controls, bidirectional marks, line and
 * paragraph separators, halves of surrogate pairs), shortened with "…" after `limit` characters.
 */
export function printable(text: string, limit: number): string {
  const characters = Array.from(text.slice(0, limit * 2 + 2));
  const shown = characters.slice(0, limit).map(escapeCharacter).join("");
  return characters.length > limit ? `${shown}…` : shown;
}

const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

function escapeCharacter(character: string): string {
  if (!unprintable.test(character)) return character;
  return Array.from({ length: character.length }, (_, unit) => character.charCodeAt(unit))
    .map((code) => `\\u${code.toString(16).padStart(4, "0")}`)
    .join("");
}
