// The README is held to what the program does: its tables, its configuration.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createContext } from "../src/cli/context.ts";
import { createProgram } from "../src/cli/program.ts";
import { readConfig } from "../src/config/load.ts";
import { relayErrors } from "../src/domain/errors.ts";
import { accountKinds } from "../src/upstreams/kinds.ts";
import { claims } from "./readme-claims.ts";
import { fences, readme, root, table } from "./support/readme.ts";

test("the table of errors is the list in the code", () => {
  const listed = table("Errors the relay makes itself").slice(1);
  const codes = Object.entries(relayErrors).map(([code, { status, summary }]) => [
    code,
    String(status),
    summary,
  ]);
  assert.deepEqual(listed, codes);
});

test("the table of commands is what the program has, in its words", async () => {
  const program = await createProgram(createContext());
  const visible = program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== "help");
  const listed = table("Commands");
  assert.deepEqual(
    listed.map(([name]) => name),
    visible.map((command) => `cc-relay ${command.name()}`),
  );
  assert.deepEqual(
    listed.map(([, text]) => text),
    visible.map((command) => command.description()),
  );
});

test("the table of account types is the one in the code", () => {
  const listed = table("With your own accounts")
    .slice(1)
    .map(([type, credential]) => [type, credential]);
  assert.deepEqual(
    listed,
    Object.values(accountKinds).map(({ type, credentials }) => [
      type,
      credentials.map((key) => `${key}`).join(" or ") || "the client's own",
    ]),
  );
});

test("the configuration it shows loads", () => {
  const environment = {
    env: { ANTHROPIC_API_KEY_WORK: "sk-1", ANTHROPIC_API_KEY_PRIVATE: "sk-2" },
    cwd: "/",
    configFolder: "/",
    dataFolder: "/",
  };
  const [shown] = fences("toml");
  const config = readConfig(shown!, { file: "/config.toml", environment, kinds: accountKinds });
  assert.deepEqual(
    config.accounts.map(({ id, priority, secret }) => [id, priority, secret]),
    [
      ["work", 100, "sk-1"],
      ["private", 50, "sk-2"],
    ],
  );
});

test("the files it links to are there, and the scripts it names exist", () => {
  for (const [, target] of readme.matchAll(/\]\(([^)#]+)\)/g))
    assert.ok(existsSync(join(root, target!)), target);
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  for (const [, script] of readme.matchAll(/`npm run ([\w:]+)`/g)) assert.ok(scripts[script!], script);
});

test("the table of slow suites has each of them, which need Debian, and how many cases each has by itself", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const listed = new Map(
    table("Tests").map(([name = "", text = ""]) => [name.replace("npm run ", ""), text]),
  );
  const suites = Object.keys(scripts).filter((name) => /^(?:test:\w+|bench)$/.test(name));
  assert.deepEqual([...listed.keys()].sort(), suites.sort());
  // Their scripts install Debian's packages.
  const ofDebian = suites.filter((name) => listed.get(name)!.endsWith("(Debian)"));
  assert.deepEqual(
    ofDebian,
    suites.filter((name) => scripts[name]!.includes(".sh")),
  );
  const sources = { "test:unforeseen": "unforeseen/run.ts", "test:hostile": "hostile/exchanges.hostile.ts" };
  for (const [name, file] of Object.entries(sources)) {
    const source = readFileSync(join(import.meta.dirname, file), "utf8");
    const usual = /short \? \d+ : ([\d_]+)\)/.exec(source)?.[1];
    assert.equal(
      /[\d,]{4,}/.exec(listed.get(name)!)?.[0].replaceAll(",", "_").replace(/_$/, ""),
      usual,
      name,
    );
  }
});

test("npm run check is the linter, the types and npm test", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  assert.equal(scripts.check, "npm run lint && npm run types && npm test");
});

test("the commands that a newcomer is to type are the two that the checks type", () => {
  const lines = fences("sh").map((fence) => fence.trim());
  assert.ok(lines.includes("npm ci && npx cc-relay serve --demo"));
  assert.ok(lines.includes("npm ci && npm test"));
});

/** What is prose: no code, no tables, no pictures, no headings. A paragraph or a point of a list at a time. */
function sentences(): string[] {
  const prose = readme.replaceAll(/^```[\s\S]*?^```$/gm, "").replaceAll(/<[^>]+>/g, "");
  const lines = prose.split("\n").filter((line) => !/^(?:\||#|!\[)/.test(line));
  const paragraphs = lines
    .map((line) => line.replace(/^- /, "\n"))
    .join("\n")
    .split(/\n\s*\n/);
  return paragraphs
    .map((paragraph) => paragraph.replaceAll(/\s+/g, " ").trim())
    .flatMap((paragraph) => paragraph.split(/(?<=[.!?:])\s+(?=[A-Z`*"(])(?!ID`)/))
    .filter((sentence) => sentence !== "");
}

test("every sentence has the tests that hold it, and says no more than was entered for it", () => {
  assert.deepEqual(
    sentences(),
    claims.map(({ sentence }) => sentence),
  );
  for (const { sentence, tests, why } of claims) assert.equal(tests.length > 0, why === undefined, sentence);
});

test("the tests that hold the README exist", () => {
  for (const named of claims.flatMap(({ tests }) => tests)) {
    const [file = "", ...title] = named.split(": ");
    const source = readFileSync(join(import.meta.dirname, file), "utf8");
    const titles = [...source.matchAll(/\b(?:test|it)\(\s*(["'`])((?:\\.|(?!\1).)*)\1|\[\s*"([^"]+)",/gs)];
    const isThere = titles.some((match) =>
      (match[2] ?? match[3]!).replaceAll(/\$\{[^}]*\}/g, "…").includes(title.join(": ")),
    );
    assert.ok(title.length > 0 && isThere, named);
  }
});

test("every listing takes --json", async () => {
  const program = await createProgram(createContext(), []);
  const listings = ["accounts list", "top", "log", "usage", "doctor"];
  for (const words of listings) {
    let command = program;
    for (const word of words.split(" ")) command = command.commands.find((each) => each.name() === word)!;
    assert.ok(
      command.options.some(({ long }) => long === "--json"),
      words,
    );
  }
});

test("docker-compose.yml mounts the folder of the configuration, not the file", () => {
  const compose = readFileSync(join(root, "docker-compose.yml"), "utf8");
  assert.match(compose, /source: \.\/config\n\s+target: \/config$/m);
});

test("a clone brings the Node along that it needs", () => {
  const { engines, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    engines: { node: string };
    devDependencies: Record<string, string>;
  };
  assert.equal(engines.node, ">=22.19.0");
  assert.ok(Number.parseInt(devDependencies.node!, 10) > 22);
});

test("the picture of what a request costs shows what is said of it", () => {
  const svg = readFileSync(join(root, "docs/pictures/bench.svg"), "utf8");
  const texts = [...svg.matchAll(/<text x="\d+" y="\d+"[^>]*>([^<]+)</g)].map(([, text]) => text!);
  for (const name of ["pass-through", "nginx", "haproxy", "Portkey"]) assert.ok(texts.includes(name), name);
  const ratioOf = (title: string) => Number(texts[texts.indexOf("cc-relay", texts.indexOf(title)) + 1]);
  assert.ok(ratioOf("small JSON") > 1);
  assert.ok(ratioOf("1 MB request") < 1 && ratioOf("8 MB request") < 1);
});
