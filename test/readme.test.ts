// The README is held to what the program does: its tables, its configuration, and the first minute word for word.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { createContext } from "../src/cli/context.ts";
import { createProgram } from "../src/cli/program.ts";
import { readConfig } from "../src/config/load.ts";
import { relayErrors } from "../src/domain/errors.ts";
import { accountKinds } from "../src/upstreams/kinds.ts";
import { claims } from "./readme-claims.ts";
import { program } from "./support/program.ts";
import { until } from "./support/until.ts";

const root = join(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** The cells of each row of the table under a heading. */
function table(heading: string): string[][] {
  const section = readme.split(/^## /m).find((part) => part.startsWith(heading)) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("|") && !/^\|[-| ]+\|$/.test(line));
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim().replaceAll("`", "")),
  );
}

function fences(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    (match) => match[1]!,
  );
}

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

let url = "";
let log = "";
let daemon: ReturnType<typeof spawn>;

before(async () => {
  daemon = spawn(process.execPath, [program, "serve", "--demo", "--port", "0"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  url = await new Promise<string>((resolve, reject) => {
    daemon.stderr!.on("data", (chunk: Buffer) => {
      log += chunk;
      const found = /"url":"([^"]+)"/.exec(log)?.[1];
      if (found) resolve(found);
    });
    daemon.once("exit", () => reject(new Error(log)));
  });
});
after(async () => {
  daemon.kill("SIGTERM");
  if (daemon.exitCode === null) await new Promise((resolve) => daemon.once("exit", resolve));
});

test("the first minute goes as it says: an answer by the second account, and the move in the log", async () => {
  const command = fences("sh").find((fence) => fence.startsWith("curl"))!;
  const here = command.replace("http://127.0.0.1:3000", url).replace("curl -sN", "curl -sN -D -");
  const { stdout } = await promisify(execFile)("sh", ["-c", here]);
  assert.match(stdout, /^HTTP\/1\.1 200/);
  assert.match(stdout, /x-cc-relay-account: demo-claude-2/);
  assert.match(stdout, /event: message_stop/);
  const findMove = () =>
    log.split("\n").find((line) => line.includes("attempt failed") && line.includes("demo-claude-1"));
  await until("the log says it", () => findMove() !== undefined);
  const move = findMove();
  const { account, failure, reason, next, until: end } = JSON.parse(move!) as Record<string, string>;
  assert.equal(account, "demo-claude-1");
  assert.deepEqual([failure, next], ["rate-limited", "next account"]);
  assert.ok(reason && Date.parse(end!) > Date.now());
});

test("the base URLs of libraries that append less are those that the relay's 404s name", async () => {
  const bases = table("Point your client at it").slice(-3);
  const wrong = ["/gemini/models/m:generateContent", "/gemini/models/m:generateContent", "/messages"];
  for (const [index, [client, base]] of bases.entries()) {
    const answer = await fetch(`${url}${wrong[index]}`, { method: "POST", body: "{}" });
    assert.equal(answer.status, 404, client);
    const named = base!.replace("http://127.0.0.1:3000", url);
    assert.ok((await answer.text()).includes(`use ${named} as the base URL`), client);
  }
});

test("every base URL of its table leads somewhere", async () => {
  const bases = table("Point your client at it")
    .slice(1)
    .map(([, base]) => base!.replace("http://127.0.0.1:3000", ""));
  const tails = [
    "/v1/messages",
    "/v1beta/models/gemini-2.5-pro:generateContent",
    "/responses",
    "/chat/completions",
    "/models/gemini-2.5-pro:generateContent",
    "/models/gemini-2.5-pro:generateContent",
    "/messages",
  ];
  assert.equal(bases.length, tails.length);
  for (const [index, base] of bases.entries()) {
    const answer = await fetch(`${url}${base}${tails[index]}`, {
      method: "POST",
      body: '{"model":"m","messages":[]}',
    });
    assert.notEqual(answer.headers.get("x-cc-relay-error"), "not_found", base);
    await answer.body?.cancel();
  }
});

test("what the demo has written goes with it", async () => {
  const file = /"config":"([^"]+)"/.exec(log)![1]!;
  assert.ok(existsSync(file));
  daemon.kill("SIGTERM");
  await new Promise((resolve) => daemon.once("exit", resolve));
  assert.ok(!existsSync(join(file, "..")));
});
