// Random files in random handwriting, edited at random: the data is what was meant, and no comment outside of a removed
// account is lost.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "smol-toml";
import {
  type AccountChanges,
  type AccountValues,
  addAccount,
  changeAccount,
  removeAccount,
  setAccountEnabled,
} from "../../src/config/edit.ts";
import { draws } from "../support/draws.ts";

type Data = Record<string, unknown>;

const text = fc.string({ unit: "grapheme", maxLength: 8 }).map((value) => value.toWellFormed());
const proxy = fc.record(
  {
    type: fc.constantFrom("socks5" as const, "http" as const),
    host: text,
    port: fc.integer({ min: 1, max: 65_535 }),
    username: text,
    password: text,
  },
  { requiredKeys: ["type", "host", "port"] },
);
const values: fc.Arbitrary<AccountValues> = fc.record(
  {
    type: fc.constantFrom("claude-api" as const, "gemini" as const),
    name: text,
    priority: fc.integer(),
    enabled: fc.boolean(),
    api_key: text,
    models: fc.array(text, { maxLength: 3 }),
    proxy,
  },
  { requiredKeys: ["type"] },
);

/** Choices of handwriting, used up one by one. */
const hand = fc.array(fc.nat(1000), { minLength: 40, maxLength: 40 });

interface Writing {
  text: string;
  /** What every comment outside of accounts says. */
  comments: string[];
  data: Data;
}

const writing: fc.Arbitrary<Writing> = fc
  .record({
    accounts: fc.array(values, { maxLength: 4 }),
    choices: hand,
    inline: fc.boolean(),
    eol: fc.constantFrom("\n", "\r\n"),
    finalBreak: fc.boolean(),
    mark: fc.constantFrom("", "\ufeff"),
    others: fc.array(fc.constantFrom("server", "usage"), { maxLength: 1 }),
  })
  .map(({ accounts, choices, inline, eol, finalBreak, mark, others }) => {
    const pen = createPen(choices);
    const ids = accounts.map((_, index) => `id-${index}`);
    const entries = accounts.map((account, index) => ({ id: ids[index]!, ...account }));
    const lines = [
      pen.comment(),
      'api_keys = ["k"] # [[accounts]]',
      ...(inline ? writeInline(entries, pen) : []),
      ...others.flatMap((name) => [
        pen.blank(),
        `[${name}]`,
        pen.comment(),
        `x = '''`,
        `[[accounts]]`,
        `id = "id-0"'''`,
      ]),
      ...(inline ? [] : entries.flatMap((entry) => [pen.blank(), pen.comment(), ...writeBlock(entry, pen)])),
      pen.comment(),
    ];
    const body = lines.filter((line) => line !== undefined).join(eol);
    return { text: `${mark}${body}${finalBreak ? eol : ""}`, comments: pen.comments, data: {} };
  })
  .map((made) => ({ ...made, data: parse(made.text) as Data }));

interface Pen {
  choose(count: number): number;
  /** A number that it never gave before. */
  count(): number;
  blank(): string | undefined;
  /** A comment that must survive. */
  comment(): string | undefined;
  comments: string[];
}

function createPen(choices: readonly number[]): Pen {
  let used = 0;
  let counted = 0;
  const comments: string[] = [];
  const choose = (count: number) => choices[used++ % choices.length]! % count;
  return {
    choose,
    comments,
    count: () => counted++,
    blank: () => ["", undefined, "  "][choose(3)],
    comment() {
      if (choose(2) === 0) return undefined;
      const comment = `# remark ${comments.length}, "of [[accounts]]"`;
      comments.push(comment);
      return comment;
    },
  };
}

function writeBlock(entry: Data, pen: Pen): (string | undefined)[] {
  const indent = ["", "  ", "\t"][pen.choose(3)]!;
  const { proxy: own, ...leaves } = entry;
  const pairs = Object.entries(leaves).map(
    ([key, value]) => `${writeKey(key, pen)} = ${writeValue(value, pen)}`,
  );
  const header = ["[[accounts]]", '[["accounts"]]', "[[ accounts ]] # c"][pen.choose(3)]!;
  const proxyLines = own === undefined ? [] : writeProxy(own as Data, pen);
  return [header, ...pairs, ...proxyLines].map((line) => `${indent}${line}`);
}

function writeProxy(own: Data, pen: Pen): string[] {
  const pairs = Object.entries(own).map(([key, value]) => `${key} = ${writeValue(value, pen)}`);
  const styles = [
    () => ["", "[accounts.proxy]", "# inside", ...pairs],
    () => [`proxy = { ${pairs.join(" , ")} } # c`],
    () => pairs.map((pair) => `proxy.${pair}`),
    () => [`[other-${pen.count()}]`, "y = 1", "[ accounts . proxy ]", ...pairs],
  ];
  return styles[pen.choose(styles.length)]!();
}

function writeInline(entries: readonly Data[], pen: Pen): string[] {
  const [open, between, close] = [
    ["[", ", ", "]"],
    ["[\n  ", ",\n  ", "\n]"],
    ["[ # open\n  ", ", # between\n  ", ", # last\n]"],
  ][pen.choose(entries.length === 0 ? 1 : 3)]!;
  const tables = entries.map((entry) => `{ ${writeInlinePairs(entry, pen).join(", ")} }`);
  return `accounts = ${open}${tables.join(between)}${close}`.split("\n");
}

function writeInlinePairs(entry: Data, pen: Pen): string[] {
  return Object.entries(entry).flatMap(([key, value]) => {
    if (key !== "proxy") return [`${writeKey(key, pen)}=${writeValue(value, pen)}`];
    const pairs = Object.entries(value as Data).map(([name, leaf]) => `${name} = ${writeValue(leaf, pen)}`);
    return pen.choose(2) === 0 ? [`proxy = {${pairs.join(",")}}`] : pairs.map((pair) => `proxy.${pair}`);
  });
}

function writeKey(key: string, pen: Pen): string {
  return [key, `"${key}"`, `'${key}'`][pen.choose(3)]!;
}

function writeValue(value: unknown, pen: Pen): string {
  if (Array.isArray(value)) return `[ ${value.map((element) => `${JSON.stringify(element)}, `).join("")}]`;
  if (typeof value !== "string") return String(value);
  const plain = /^[a-z]*$/i.test(value);
  const basic = JSON.stringify(value).replaceAll("\u007f", "\\u007f");
  const styles = plain ? [basic, `'${value}'`, `"""${value}"""`, `'''${value}'''`] : [basic];
  return styles[pen.choose(styles.length)]!;
}

type Edit =
  | { kind: "add"; id: string; values: AccountValues }
  | { kind: "change"; at: number; changes: AccountChanges }
  | { kind: "enable"; at: number; enabled: boolean }
  | { kind: "remove"; at: number };

const changes: fc.Arbitrary<AccountChanges> = fc.record(
  {
    name: fc.option(text),
    priority: fc.option(fc.integer()),
    api_key: fc.option(text),
    models: fc.option(fc.array(text, { maxLength: 2 })),
    proxy: fc.option(proxy),
  },
  { requiredKeys: [] },
);
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), id: fc.constantFrom("new-1", "new-2", "new-3"), values }),
  fc.record({ kind: fc.constant("change" as const), at: fc.nat(5), changes }),
  fc.record({ kind: fc.constant("enable" as const), at: fc.nat(5), enabled: fc.boolean() }),
  fc.record({ kind: fc.constant("remove" as const), at: fc.nat(5) }),
);

test("edits of any file say exactly what was meant and keep its comments", () => {
  fc.assert(
    fc.property(writing, fc.array(edit, { minLength: 1, maxLength: 5 }), (made, edits) => {
      let now = made.text;
      const accounts = structuredClone(made.data.accounts ?? []) as Data[];
      let hasStyle = true;
      for (const step of edits) {
        now = apply(now, accounts, step);
        // A text of one line has no kind of line break that could be kept.
        hasStyle &&= now.includes("\n");
      }

      const { accounts: result = [], ...rest } = plain(parse(now)) as Data;
      const { accounts: _, ...before } = plain(made.data) as Data;
      assert.deepEqual(result, plain(accounts));
      assert.deepEqual(rest, before);
      for (const comment of made.comments) assert.ok(now.includes(comment), `${comment} is lost in:\n${now}`);
      if (hasStyle && made.text.includes("\r\n")) assert.doesNotMatch(now, /(?<!\r)\n/);
      if (!made.text.includes("\r\n")) assert.doesNotMatch(now, /\r\n/);
      assert.equal(now.startsWith("\ufeff"), made.text.startsWith("\ufeff"));
    }),
    { numRuns: draws(600) },
  );
});

test("an edit made twice is made once", () => {
  fc.assert(
    fc.property(writing, fc.nat(3), changes, (made, at, change) => {
      const accounts = (made.data.accounts ?? []) as Data[];
      fc.pre(accounts.length > 0);
      const id = String(accounts[at % accounts.length]!.id);
      const once = changeAccount(made.text, id, change);
      assert.equal(changeAccount(once, id, change), once);
    }),
    { numRuns: draws(300) },
  );
});

test("an account that is added and removed leaves every byte as it was", () => {
  fc.assert(
    fc.property(writing, values, (made, added) => {
      // Blank lines at the end are the one thing that removing tidies.
      fc.pre(!/\n\s*\n$/.test(made.text));
      assert.equal(removeAccount(addAccount(made.text, "new", added), "new"), made.text);
    }),
    { numRuns: draws(300) },
  );
});

/** The edit on the text, and by itself on the data. */
function apply(before: string, accounts: Data[], step: Edit): string {
  if (step.kind === "add") {
    if (accounts.some(({ id }) => id === step.id)) return before;
    accounts.push({ id: step.id, ...step.values });
    return addAccount(before, step.id, step.values);
  }
  const account = accounts[step.at % accounts.length];
  if (account === undefined) return before;
  const id = String(account.id);
  if (step.kind === "remove") {
    accounts.splice(accounts.indexOf(account), 1);
    return removeAccount(before, id);
  }
  if (step.kind === "enable") {
    if ((account.enabled ?? true) !== step.enabled) account.enabled = step.enabled;
    return setAccountEnabled(before, id, { enabled: step.enabled });
  }
  for (const [key, value] of Object.entries(step.changes)) {
    if (value === null) delete account[key];
    else account[key] = value;
  }
  return changeAccount(before, id, step.changes);
}

/** Without the prototypes that the parser leaves out. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
