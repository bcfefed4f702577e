// Where providers' bytes are handled, no promise is left alone: one that rejects unheard would end the process.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..", "src");

interface Source {
  name: string;
  text: string;
}

function sourcesIn(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => ({ name: `${folder}/${name}`, text: readFileSync(join(root, folder, name), "utf8") }));
}

/** Comments and strings hold no calls. */
function codeOf({ text }: Source): string[] {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, ""))
    .split("\n")
    .map((line) => line.replace(/^\s*\/\/.*/, "").replaceAll(/"(?:[^"\\]|\\.)*"/g, '""'));
}

/**
 * What returns a promise, by its name: `async name(`, `async function name(`, `name(…): Promise<` and `name: async (`. A name
 * that something without a promise has as well says nothing; `refresh` is a timer's.
 */
function asyncNames(sources: readonly Source[]): Set<string> {
  const names = new Set<string>();
  const others = new Set(["refresh"]);
  const patterns = [
    /\basync (?:function )?(#?\w+)[(<]/g,
    /\b(\w+)\([^()]*\): Promise</g,
    /\b(\w+)(?:: | = )async \(/g,
  ];
  for (const source of sources) {
    const code = codeOf(source).join("\n");
    for (const pattern of patterns) for (const [, name] of code.matchAll(pattern)) names.add(name!);
    for (const [, name] of code.matchAll(/(#?\w+)\([^()]*\): (?!Promise)\w/g)) others.add(name!);
  }
  return new Set([...names].filter((name) => !others.has(name)));
}

/** A line that is a statement of its own, and begins with a call. */
const call = /^\s*(?:[\w#]+(?:\?\.|\.|!\.))*(#?\w+)(?:\?\.)?\(/;
/** A signature in an interface. */
const signature = /\): [\w<>|[\] ]+;$/;
/** The line before it leaves an expression open: then this one is a part of it. */
const open = /(?:[=(,?:[&|+]|=>|\b(?:await|return|throw|void))\s*$/;
const heard = /\.catch\(|\.then\([^()]*(?:\([^()]*\)[^()]*)*,\s*\w/;

function floatingIn(source: Source, names: ReadonlySet<string>): string[] {
  const lines = codeOf(source);
  return lines.flatMap((line, at) => {
    const place = `${source.name}:${at + 1}: ${line.trim()}`;
    const name = call.exec(line)?.[1];
    const isCall = name !== undefined && names.has(name) && !open.test(lines[at - 1] ?? "");
    const isDropped = /\bvoid [^;]*\.then\(/.test(line) || isVoided(line, names);
    return (isCall || isDropped) && !heard.test(line) && !/[{]\s*$/.test(line) && !signature.test(line)
      ? [place]
      : [];
  });
}

function isVoided(line: string, names: ReadonlySet<string>): boolean {
  const voided = /\bvoid (?:[\w#]+(?:\?\.|\.))*(#?\w+)\(/.exec(line)?.[1];
  return voided !== undefined && names.has(voided);
}

test("no promise floats in relay/, server/ and sockets/", () => {
  const sources = ["relay", "server", "sockets"].flatMap(sourcesIn);
  const names = asyncNames([...sources, ...sourcesIn("accounts")]);
  assert.deepEqual(
    sources.flatMap((source) => floatingIn(source, names)),
    [],
  );
});

test("a promise that floats is found", () => {
  const text = `
async function work(): Promise<void> {}
function start(): void {
  work();
  void work();
  void settled.then(() => go());
  work().catch(fault);
  const done =
    work();
}`;
  const source = { name: "made-up", text };
  assert.deepEqual(floatingIn(source, asyncNames([source])), [
    "made-up:4: work();",
    "made-up:5: void work();",
    "made-up:6: void settled.then(() => go());",
  ]);
});
