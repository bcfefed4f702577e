// Whatever is in the file: a configuration or a ConfigError, never a crash, and never a value in the message.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { stringify } from "smol-toml";
import { anyText } from "../support/any-text.ts";
import { threadTime } from "../support/thread-time.ts";
import { messageOf, problemsOf } from "./support.ts";

const secret = "sk-ant-S3CR3T";
const marker = "S3CR3T";
const maxMessageLength = 120_000;

const whole = `api_keys = ["${secret}-1", { name = "laptop", key = "${secret}-2" }]
[server]
host = "127.0.0.1"
database_path = "data/relay.db"
[oauth.gemini]
client_secret = "${secret}-3"
scopes = ["a", "b"]
[[accounts]]
type = "claude-api"
id = "a"
api_key = "${secret}-4"
[accounts.proxy]
type = "socks5"
host = "127.0.0.1"
username = "user"
password = '''${secret}-5'''
[[accounts]]
type = "claude-oauth"
id = "b"
refresh_token = "${secret}-6"
`;

function checkMessage(text: string): void {
  const message = messageOf(text) ?? "";
  assert.ok(!message.includes(marker), `a secret stands in:\n${message}`);
  assert.ok(message.length <= maxMessageLength, `the message has ${message.length} characters`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is there is the point
  assert.doesNotMatch(message, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
}

/** Wrong types, odd keys and values everywhere; every string holds the marker or is one of ours. */
const word = fc.constantFrom(
  "claude-api",
  "claude-oauth",
  "gemini",
  "gemini-api",
  "openai-responses",
  "socks5",
  "http",
  "none",
  "a",
  "",
  "0.0.0.0",
  "https://h/v1",
  "http://h",
  "UNSET",
);
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    word,
    fc.string({ maxLength: 8 }).map((text) => `${secret}${text.toWellFormed()}`),
    fc.integer(),
    fc.double({ noNaN: false }),
    fc.boolean(),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("2100-01-01") }),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("table"),
  ),
  table: fc.dictionary(
    fc.oneof(
      fc.constantFrom(
        "type",
        "id",
        "name",
        "key",
        "api_key",
        "api_key_env",
        "refresh_token",
        "api_url",
        "proxy",
        "host",
        "port",
        "password",
        "api_keys",
        "models",
        "priority",
        "claude",
        "gemini",
        "client_secret",
        "scopes",
      ),
      anyText({ maxLength: 5 }),
    ),
    tie("value"),
    { maxKeys: 5 },
  ),
})).value;

/** What TOML is written with. */
const signs = [..."[]{}=.,#\"'\n \\1-"];

export interface HostileTextsOptions {
  /** Texts that are drawn for each property. */
  runs: number;
  /** Between two places at which the file ends or begins, in characters. */
  step: number;
  /** Of the largest sizes, between 0 and 1. */
  part: number;
}

export function testHostileTexts({ runs, step, part }: HostileTextsOptions): void {
  test("the file these tests begin with is a good one", () => {
    assert.equal(messageOf(whole), undefined);
  });

  test("a file cut anywhere is an error or a smaller file", () => {
    for (let end = 0; end <= whole.length; end += step) checkMessage(whole.slice(0, end));
  });

  test("a file whose beginning is gone is an error or a smaller file", () => {
    for (let start = 0; start <= whole.length; start += step) checkMessage(whole.slice(start));
  });

  test("a file with slips of the finger is reported without its values", () => {
    const letters = fc.constantFrom(...signs, "\r", "a", "\u0000", "é", "\ud800");
    const slip = fc.record({
      at: fc.nat(whole.length),
      drop: fc.nat(3),
      add: fc.string({ unit: letters, maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(slip, { minLength: 1, maxLength: 3 }), (slips) => {
        const text = slips.reduce(
          (before, { at, drop, add }) => before.slice(0, at) + add + before.slice(at + drop),
          whole,
        );
        checkMessage(text);
      }),
      { numRuns: runs },
    );
  });

  test("any text at all is a configuration or an error", () => {
    const unit = fc.oneof(
      fc.constantFrom(
        ...signs,
        "[[",
        "]]",
        '"""',
        "'''",
        "\r\n",
        "\\u",
        "true",
        "inf",
        "2020-01-01",
        "accounts",
        "server",
        "api_keys",
        "key",
        "__proto__",
        "constructor",
      ),
      anyText({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 30 }), (parts) => checkMessage(parts.join(""))),
      { numRuns: runs },
    );
  });

  test("wrong values in every place are reported without being shown", () => {
    const names = [
      "api_keys",
      "server",
      "session",
      "upstream",
      "usage",
      "oauth",
      "accounts",
      "account",
      "__proto__",
    ];
    const document = fc.dictionary(
      fc.constantFrom(...names),
      fc.oneof(value, fc.array(value, { maxLength: 4 })),
      { maxKeys: 6 },
    );
    fc.assert(
      fc.property(document, (data) => {
        let text: string;
        try {
          text = stringify(data);
        } catch {
          // Not everything can be written as TOML.
          return fc.pre(false);
        }
        return checkMessage(text);
      }),
      { numRuns: runs },
    );
  });

  describe("sizes", () => {
    const some = (count: number) => Math.ceil(count * part);
    const mega = some(1_000_000);
    const lines = (count: number, line: (index: number) => string) =>
      Array.from({ length: some(count) }, (_, index) => line(index)).join("\n");

    const texts: [string, string][] = [
      ["a value of a megabyte", `[[accounts]]\nid = "${secret.repeat(mega / 10)}"\n`],
      ["a key of a megabyte", `${"k".repeat(mega)} = 1`],
      ["a quoted key of a megabyte of control characters", `"${"\\u0001".repeat(mega / 6)}" = 1`],
      ["a dotted key of a hundred thousand parts", `${"a.".repeat(some(100_000))}a = 1`],
      ["a section of a hundred thousand parts", `[${"a.".repeat(some(100_000))}a]\nb = 1`],
      ["fifty thousand unknown keys", lines(50_000, (index) => `key${index} = 1`)],
      ["twenty thousand accounts of one id", lines(20_000, () => `[[accounts]]\nid = "a"`)],
      ["thirty thousand wrong client keys", `api_keys = [${"1,".repeat(some(30_000))}]`],
      ["a hundred thousand open brackets", `a = ${"[".repeat(some(100_000))}`],
      ["a hundred thousand open braces", `a = ${"{a=".repeat(some(100_000))}`],
      ["a megabyte of comments", lines(20_000, () => `# ${"c".repeat(50)}`)],
      ["a megabyte of line breaks", "\n".repeat(mega)],
      ["an open string of a megabyte", `a = "${secret.repeat(mega / 10)}`],
      ["a megabyte of digits", `[server]\nport = ${"9".repeat(some(100_000))}`],
    ];
    for (const [title, text] of texts) {
      test(`${part < 1 ? "a part of " : ""}${title} is answered soon and shortly`, () => {
        const start = threadTime();
        checkMessage(text);
        assert.ok(threadTime() - start < Math.max(1000, 5000 * part));
      });
    }

    test("of very many unknown keys the first hundred are reported", () => {
      const found = problemsOf(`[usage]\n${lines(250 / part, (index) => `k${index} = 1`)}`);
      assert.equal(found.length, 101);
      assert.ok(found.includes("1 usage: has 150 more unknown keys -> remove them"));
    });
  });
}
