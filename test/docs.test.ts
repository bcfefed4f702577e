// Holds the documents true: links, commands and their flags, error codes, configuration keys, and the table of failures.

import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import type { Command } from "commander";
import { cooldownAfter } from "../src/accounts/cooldown.ts";
import { createContext } from "../src/cli/context.ts";
import { createProgram } from "../src/cli/program.ts";
import { notifyEvents } from "../src/config/config.ts";
import { readConfig } from "../src/config/load.ts";
import { relayErrors } from "../src/domain/errors.ts";
import type { Failure, FailureKind } from "../src/domain/failure.ts";
import { consequenceOf } from "../src/relay/consequences.ts";
import { accountKinds } from "../src/upstreams/kinds.ts";
import { fakeEnvironment } from "./config/support.ts";

const root = join(import.meta.dirname, "..");
const names = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].filter((name) =>
  existsSync(join(root, name)),
);
const files = [...names, ...globSync("docs/**/*.md", { cwd: root })].map((name) => join(root, name));
const texts = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
const textOf = (name: string) => texts.get(join(root, name)) ?? "";

test("the pages that a newcomer is promised are there", () => {
  const promised = [
    "architecture",
    "providers",
    "glossary",
    "json-output",
    "database",
    "troubleshooting",
    "web",
  ];
  const clients = ["claude-code", "gemini-cli", "codex", "sdks"].map((name) => `clients/${name}`);
  for (const name of [...promised, ...clients]) assert.notEqual(textOf(`docs/${name}.md`), "", name);
});

/** As GitHub makes them out of headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map((match) => match[1]!);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

test("every link between the documents, and into the source, leads somewhere", () => {
  const broken: string[] = [];
  for (const [file, text] of texts) {
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [path, anchor] = target!.split("#");
      const linked = path ? join(dirname(file), path) : file;
      const isThere = existsSync(linked) && (!anchor || anchorsOf(readFileSync(linked, "utf8")).has(anchor));
      if (!isThere) broken.push(`${relative(root, file)}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

/** What documents show of commands: code spans and the lines of shell fences. */
function commandLines(text: string): string[] {
  const spans = [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!);
  const fences = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap((match) => match[1]!.split("\n"));
  return [...spans, ...fences].flatMap((line) =>
    [...line.matchAll(/(?:^|[\s(])cc-relay ([a-z][^#|&)"]*)/g)].map((match) => match[1]!.trim()),
  );
}

test("every command and flag in the documents exists", async () => {
  const program = await createProgram(createContext());
  const wrong: string[] = [];
  for (const [file, text] of texts) {
    for (const line of commandLines(text)) {
      const fault = findCommandFault(program, line);
      if (fault !== undefined) wrong.push(`${relative(root, file)}: cc-relay ${line}: ${fault}`);
    }
  }
  assert.deepEqual(wrong, []);
});

function findCommandFault(program: Command, line: string): string | undefined {
  let command = program;
  for (const word of line.split(/ -- /)[0]!.split(/\s+/)) {
    const next = command.commands.find((each) => each.name() === word);
    if (next) command = next;
    else if (command === program) return `no command ${word}`;
    else if (/^--[a-z]/.test(word)) {
      const flag = word.split("=")[0]!;
      const isKnown = flag === "--help" || command.options.some(({ long }) => long === flag);
      if (!isKnown) return `no flag ${flag}`;
    }
  }
  return undefined;
}

test("troubleshooting has an entry for every error code, and for nothing else", () => {
  const entries = [...textOf("docs/troubleshooting.md").matchAll(/^### `(\w+)`$/gm)].map((match) => match[1]);
  assert.deepEqual([...entries].sort(), Object.keys(relayErrors).sort());
});

test("the drawing of a request shows an exit for every error code", () => {
  const [, drawing = ""] = /^```text\n([\s\S]*?)^```$/m.exec(textOf("docs/architecture.md")) ?? [];
  const missing = Object.keys(relayErrors).filter((code) => !new RegExp(`\\b${code}\\b`).test(drawing));
  assert.deepEqual(missing, []);
});

test("the stages of the drawing are files, and all folders of src have their line in the layers", () => {
  const text = textOf("docs/architecture.md");
  for (const [, file] of text.matchAll(/^ \d (\S+\.ts)/gm))
    assert.ok(existsSync(join(root, "src", file!)), file);
  const layers = text.split("## One request")[0]!;
  const folders = globSync("src/*/", { cwd: root }).map((path) => path.split("/")[1]!);
  for (const folder of folders) assert.match(layers, new RegExp(`\`${folder}\``));
});

test("every configuration key in the documents is one of config.example.toml", () => {
  const example = readFileSync(join(root, "config.example.toml"), "utf8");
  const keys = new Set<string>();
  let section = "";
  for (const line of example.split("\n")) {
    section = /^#?\[+([\w.]+)\]+$/.exec(line)?.[1] ?? section;
    const key = /^#?(\w+) = /.exec(line)?.[1];
    if (key) keys.add(`${section}.${key}`);
  }
  const sections = new Set([...keys].map((key) => key.split(".")[0]));
  const wrong: string[] = [];
  for (const [file, text] of texts) {
    for (const [, key] of text.matchAll(/`(?:\[(?=\w+\] ))?(\w+(?:\.|\] )[a-z]\w+)(?: = [^`]+)?`/g)) {
      const name = key!.replace("] ", ".");
      if (sections.has(name.split(".")[0]) && !keys.has(name) && !name.endsWith(".toml"))
        wrong.push(`${relative(root, file)}: ${name}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("the events that the documents name are those of the pipeline", () => {
  const source = readFileSync(join(root, "src/relay/events.ts"), "utf8");
  const [, map = ""] = /interface RelayEventMap \{\n([\s\S]*?)^\}$/m.exec(source) ?? [];
  const events = [...map.matchAll(/^ {2}(\w+): /gm)].map((match) => match[1]!);
  assert.ok(events.length > 5);
  const [, named = ""] =
    /typed events \([^)]*\)[^:]*: ([\s\S]*?)\. The log/.exec(textOf("docs/architecture.md")) ?? [];
  assert.deepEqual([...named.matchAll(/`(\w+)`/g)].map((match) => match[1]!).sort(), events.sort());
});

test("the page about watching has every event of notifications, and the numbers that hold where none is written", () => {
  const page = textOf("docs/watching.md");
  const [, table = ""] = /^\| event \| sent when \|\n([\s\S]*?)\n\n/m.exec(page) ?? [];
  assert.deepEqual(
    [...table.matchAll(/^\| `([\w-]+)`/gm)].map((match) => match[1]),
    [...notifyEvents],
  );
  const config = readConfig('[[notify]]\nwebhook = "https://h.example"\n', {
    file: undefined,
    environment: fakeEnvironment(),
    kinds: accountKinds,
  });
  const { afterMs, quietMs, windowThreshold } = config.notify[0]!;
  const numbers = {
    after_seconds: afterMs / 1000,
    quiet_seconds: quietMs / 1000,
    window_threshold: windowThreshold,
  };
  for (const [key, number] of Object.entries(numbers)) {
    assert.deepEqual(
      [...page.matchAll(new RegExp(`\`${key}\` \\(([\\d.]+)\\)`, "g"))].map((match) => Number(match[1])),
      [number],
      key,
    );
  }
});

const cause = new Error("cause");
const until = 1000;
/** One failure of each kind, as it would be of an account without a time. */
const failures: { [Kind in FailureKind]: Failure & { kind: Kind } } = {
  "rate-limited": { kind: "rate-limited", scope: "account", reason: "" },
  "limited-unblamed": { kind: "limited-unblamed", reason: "" },
  capacity: { kind: "capacity", reason: "" },
  "server-error": { kind: "server-error", status: 500, reason: "" },
  unreachable: { kind: "unreachable", cause, safeToRepeat: false },
  proxy: { kind: "proxy", cause },
  unauthorized: { kind: "unauthorized", reason: "" },
  "login-revoked": { kind: "login-revoked", reason: "" },
  "refresh-rejected": { kind: "refresh-rejected", reason: "" },
  storage: { kind: "storage", until, reason: "" },
  "account-out": { kind: "account-out", reason: "" },
  "model-denied": { kind: "model-denied", reason: "" },
  "model-missing": { kind: "model-missing", reason: "" },
  "unexplained-refusal": { kind: "unexplained-refusal", status: 403, reason: "" },
  "edge-refused": { kind: "edge-refused", status: 403, ray: undefined, reason: "" },
  unreadable: { kind: "unreadable", reason: "" },
  rejected: { kind: "rejected", status: 400, reason: "" },
  shortage: { kind: "shortage", cause },
  aborted: { kind: "aborted" },
};

interface FailureRow {
  kind: string;
  account: string;
  request: string;
  links: string;
}

function failureRows(): FailureRow[] {
  const section = textOf("docs/architecture.md").split("## Failures")[1]!.split("\n## ")[0]!;
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) => {
    const [kind = "", , account = "", request = "", links = ""] = row
      .slice(2, -2)
      .split(" | ")
      .map((cell) => cell.trim());
    return { kind: kind.replaceAll("`", ""), account, request, links };
  });
}

test("the table of failures has every kind, in any order", () => {
  assert.deepEqual(
    failureRows()
      .map(({ kind }) => kind)
      .sort(),
    Object.keys(failures).sort(),
  );
});

test("what the table says of the account is what the code decides", () => {
  const policy = { unavailableMs: 7_654_321 };
  const decide = (failure: Failure, streak: number) =>
    cooldownAfter(failure, policy, { modelScope: "opus", streak, now: 0 });
  for (const { kind, account } of failureRows()) {
    const failure = failures[kind as FailureKind];
    const [first, third] = [decide(failure, 1), decide(failure, 3)];
    const isUnavailable = first?.until === policy.unavailableMs;
    assert.equal(account.startsWith("not blamed"), third === undefined, kind);
    assert.equal(account.startsWith("counted"), first === undefined && third !== undefined, kind);
    assert.equal(account.startsWith("cooldown"), first !== undefined, kind);
    assert.equal(account.includes("of the model"), first?.scope === "opus", kind);
    assert.equal(account.includes("unavailable_cooldown_seconds"), isUnavailable, kind);
    const [, count, unit] = /(?:from|,) (\d+) (min|s)\b/.exec(account) ?? [];
    if (count) assert.equal(first?.until, Number(count) * (unit === "min" ? 60_000 : 1000), kind);
  }
});

test("what the table says of the request is what the code decides", () => {
  const phrases = {
    "at-once": /^passed on at once$/,
    "after-one-other": /^one other account, then passed on$/,
    "if-none-left": /^next account; passed on when none is left$/,
    never:
      /^(?:next account(?:, after one refresh)?|ends(?: with `out_of_resources`, or with `memory_exhausted`)?)$/,
  };
  const pooled = { status: undefined, login: undefined, isOwn: false };
  for (const { kind, request } of failureRows())
    assert.match(request, phrases[consequenceOf(failures[kind as FailureKind], pooled).passOn], kind);
});

test("each row of the table links to functions that exist and know the kind", () => {
  for (const { kind, links } of failureRows()) {
    const found = [...links.matchAll(/\[`(\w+)`\]\(\.\.\/([^)]+)\)/g)];
    assert.ok(found.length > 0, kind);
    for (const [, name, path] of found) {
      const source = readFileSync(join(root, path!), "utf8");
      assert.match(source, new RegExp(`function ${name}\\b`), `${kind}: ${path}`);
      assert.ok(source.includes(`"${kind}"`), `${kind}: ${path}`);
    }
  }
});

test("each function that a page links to by its name is in that file", () => {
  const page = readFileSync(join(root, "docs/architecture.md"), "utf8");
  const linked = [...page.matchAll(/\[`(\w+)`\]\(\.\.\/(src[^)]+)\)/g)];
  assert.ok(linked.length > 30, `${linked.length} links`);
  for (const [, name, path] of linked)
    assert.match(readFileSync(join(root, path!), "utf8"), new RegExp(`function ${name}\\b`), path);
});
