import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addAccount, changeAccount, removeAccount, setAccountEnabled } from "../../src/config/edit.ts";

const text = `# my relay
api_keys = ["k"] # one key

[server]
port = 3000 # the usual one


# the first account
[[accounts]]
type = "claude-api" # with a key
id = "a"
api_key = "KEY-A"
# priority = 50

[accounts.proxy] # at work
type = "socks5"
host = "h"
port = 1080

# the second account
  [[accounts]]
  type = "claude-api"
  id = 'b'
  enabled   =   true   # for now
  api_key = """KEY-B"""

[usage]
retention_days = 10
# the end`;

/** The lines that differ, as `diff` shows them. */
function difference(before: string, after: string): string[] {
  const [old, now] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < Math.min(old.length, now.length) && old[start] === now[start]) start++;
  let end = 0;
  const most = Math.min(old.length, now.length) - start;
  while (end < most && old[old.length - 1 - end] === now[now.length - 1 - end]) end++;
  return [
    ...old.slice(start, old.length - end).map((line) => `-${line}`),
    ...now.slice(start, now.length - end).map((line) => `+${line}`),
  ];
}

describe("enabling and disabling", () => {
  test("the value alone changes where there is one", () => {
    assert.deepEqual(difference(text, setAccountEnabled(text, "b", { enabled: false })), [
      "-  enabled   =   true   # for now",
      "+  enabled   =   false   # for now",
    ]);
  });

  test("a line is added below the account's own keys where there is none", () => {
    assert.deepEqual(difference(text, setAccountEnabled(text, "a", { enabled: false })), [
      "+enabled = false",
    ]);
    assert.match(
      setAccountEnabled(text, "a", { enabled: false }),
      /api_key = "KEY-A"\nenabled = false\n# priority/,
    );
  });

  test("the new line is indented as the one before it", () => {
    const indented = "[[accounts]]\n\tid = 'a'\n\tapi_key = 'k'";
    assert.equal(setAccountEnabled(indented, "a", { enabled: false }), `${indented}\n\tenabled = false`);
  });

  test("an account that is so already leaves the text alone", () => {
    assert.equal(setAccountEnabled(text, "a", { enabled: true }), text);
    assert.equal(setAccountEnabled(text, "b", { enabled: true }), text);
    const off = setAccountEnabled(text, "a", { enabled: false });
    assert.equal(setAccountEnabled(off, "a", { enabled: false }), off);
  });

  test("there and back is where it began, if the key was there", () => {
    const off = setAccountEnabled(text, "b", { enabled: false });
    assert.equal(setAccountEnabled(off, "b", { enabled: true }), text);
  });

  test("an inline account gets the key at its end", () => {
    assert.equal(
      setAccountEnabled("accounts = [{id='a'}]", "a", { enabled: false }),
      "accounts = [{id='a', enabled = false}]",
    );
  });

  test("an unknown id is named, a double one counted", () => {
    assert.throws(() => setAccountEnabled(text, "c\u0007", { enabled: false }), {
      name: "UserError",
      message: "there is no account c\\u0007 in the file",
    });
    const twice = "[[accounts]]\nid = 'a'\n[[accounts]]\nid = 'a'\n";
    assert.throws(() => removeAccount(twice, "a"), { message: "2 accounts in the file have the id a" });
  });
});

describe("adding", () => {
  const values = { type: "claude-api", api_key: "KEY" } as const;
  const block = '[[accounts]]\nid = "n"\ntype = "claude-api"\napi_key = "KEY"';

  const ends: [string, string, string][] = [
    ["an empty text", "", `${block}\n`],
    ["a text with a final line break", "a = 1\n", `a = 1\n\n${block}\n`],
    ["a text without one", "a = 1", `a = 1\n\n${block}`],
    ["a text with a blank line at its end", "a = 1\n\n", `a = 1\n\n${block}\n`],
    ["a text with a comment at its end", "a = 1\n# end", `a = 1\n# end\n\n${block}`],
    [
      "a text of Windows",
      "a = 1\r\nb = 2\r\n",
      `a = 1\r\nb = 2\r\n\r\n${block.replaceAll("\n", "\r\n")}\r\n`,
    ],
    ["a text that is a byte order mark", "\ufeff", `\ufeff${block}\n`],
    ["an open section", "[server]\nport = 1\n", `[server]\nport = 1\n\n${block}\n`],
  ];
  for (const [title, before, after] of ends) {
    test(`${title} gets the block at its end`, () => {
      assert.equal(addAccount(before, "n", values), after);
    });
    test(`${title} is whole again when the account is removed`, () => {
      const again = removeAccount(addAccount(before, "n", values), "n");
      assert.equal(again.replace(/\s+$/, ""), before.replace(/\s+$/, ""));
      if (!before.endsWith("\n\n") && before.trim() !== "") assert.equal(again, before);
    });
  }

  test("every kind of value is written, the proxy as its own section", () => {
    const added = addAccount("", "n", {
      type: "claude-api",
      name: 'Büro "1"\\',
      priority: -1,
      enabled: false,
      api_url: "https://h",
      api_key: "k\u0001\u007f\ud83d\ude00",
      models: ["*opus*", "a'b"],
      proxy: { type: "socks5", host: "h", port: 1, username: "u", password: "p\n" },
    });
    assert.equal(
      added,
      `[[accounts]]
id = "n"
type = "claude-api"
name = "Büro \\"1\\"\\\\"
priority = -1
enabled = false
api_url = "https://h"
api_key = "k\\u0001\\u007f\ud83d\ude00"
models = ["*opus*", "a'b"]

[accounts.proxy]
type = "socks5"
host = "h"
port = 1
username = "u"
password = "p\\n"
`,
    );
  });

  test("an inline list gets an element", () => {
    const entry = '{ id = "n", type = "claude-api", api_key = "KEY" }';
    const cases: [string, string][] = [
      ["accounts = []", `accounts = [${entry}]`],
      ["accounts = [ # none\n]", `accounts = [${entry} # none\n]`],
      ["accounts = [{ id = 'a' }] # c", `accounts = [{ id = 'a' }, ${entry}] # c`],
      ["accounts = [{ id = 'a' },]", `accounts = [{ id = 'a' }, ${entry},]`],
      ["accounts = [\n  { id = 'a' }, # a\n]\n", `accounts = [\n  { id = 'a' }, # a\n  ${entry},\n]\n`],
      ["accounts = [\r\n\t{ id = 'a' } # a\r\n]", `accounts = [\r\n\t{ id = 'a' }, # a\r\n\t${entry}\r\n]`],
      ["accounts = [\n  { id = 'a' }]", `accounts = [\n  { id = 'a' }, ${entry}]`],
    ];
    for (const [before, after] of cases) assert.equal(addAccount(before, "n", values), after);
    const proxy = { type: "http", host: "h", port: 1, username: undefined } as const;
    assert.equal(
      addAccount("accounts = []", "n", { ...values, proxy }),
      'accounts = [{ id = "n", type = "claude-api", api_key = "KEY", proxy = { type = "http", host = "h", port = 1 } }]',
    );
  });

  test("an id that is taken is refused", () => {
    assert.throws(() => addAccount(text, "a", values), { message: "there is an account a already" });
  });

  test("accounts that are no list are left to a person", () => {
    const message = "the accounts are written in a way that this command cannot change safely";
    for (const odd of ["accounts = 1", "[accounts]\nid = 'a'", "accounts.a = 1"]) {
      assert.throws(() => addAccount(odd, "n", values), { name: "UserError", message });
    }
  });

  test("half a surrogate pair, which TOML cannot say, is refused", () => {
    assert.throws(() => addAccount("", "n", { ...values, name: "\ud800" }), { name: "UserError" });
  });

  test("text that is no TOML is refused with its line, not with its content", () => {
    assert.throws(() => addAccount('\napi_keys = ["SECRET', "n", values), {
      name: "ConfigError",
      message:
        "the configuration has 1 problem\n\n2\n  ✗ a string is not closed by its quote before the line ends\n  - fix this line first; the rest of the file is checked after it",
    });
  });
});

describe("changing", () => {
  test("keys with another value change in place, new ones come below, null removes", () => {
    const changed = changeAccount(text, "b", {
      api_key: "NEW",
      type: "claude-api",
      priority: 7,
      enabled: null,
    });
    assert.deepEqual(difference(text, changed), [
      "-  enabled   =   true   # for now",
      '-  api_key = """KEY-B"""',
      '+  api_key = "NEW"',
      "+  priority = 7",
    ]);
  });

  test("the same values change nothing", () => {
    const proxy = { type: "socks5", host: "h", port: 1080 } as const;
    assert.equal(changeAccount(text, "a", { type: "claude-api", api_key: "KEY-A", proxy, name: null }), text);
  });

  test("an API key gives way to a login", () => {
    const changed = changeAccount(text, "a", { type: "claude-oauth", api_key: null, refresh_token: "T" });
    assert.deepEqual(difference(text, changed), [
      '-type = "claude-api" # with a key',
      '-id = "a"',
      '-api_key = "KEY-A"',
      '+type = "claude-oauth" # with a key',
      '+id = "a"',
      '+refresh_token = "T"',
    ]);
  });

  test("a proxy changes key by key where it is", () => {
    const proxy = { type: "socks5", host: "other", port: 1080, username: "u" } as const;
    assert.deepEqual(difference(text, changeAccount(text, "a", { proxy })), [
      '-host = "h"',
      "-port = 1080",
      '+host = "other"',
      "+port = 1080",
      '+username = "u"',
    ]);
  });

  test("a first proxy becomes a section below the account's keys", () => {
    const proxy = { type: "http", host: "h", port: 1 } as const;
    assert.deepEqual(difference(text, changeAccount(text, "b", { proxy })), [
      "+  [accounts.proxy]",
      '+  type = "http"',
      '+  host = "h"',
      "+  port = 1",
      "+",
    ]);
  });

  test("a proxy goes as it was written: section, inline table or dotted keys", () => {
    assert.deepEqual(difference(text, changeAccount(text, "a", { proxy: null })), [
      "-[accounts.proxy] # at work",
      '-type = "socks5"',
      '-host = "h"',
      "-port = 1080",
      "-",
    ]);
    const inline = "[[accounts]]\nid = 'a'\nproxy = { type = 'none' } # c\nname = 'n'\n";
    assert.equal(changeAccount(inline, "a", { proxy: null }), "[[accounts]]\nid = 'a'\nname = 'n'\n");
    const dotted = "[[accounts]]\nproxy.type = 'http'\nid = 'a'\nproxy.host = 'h'";
    assert.equal(changeAccount(dotted, "a", { proxy: null }), "[[accounts]]\nid = 'a'");
  });

  test("dotted keys of a proxy change and grow in their way", () => {
    const before = "[[accounts]]\nid = 'a'\nproxy.type = 'http'\nproxy.host = 'h'\n";
    const after = changeAccount(before, "a", { proxy: { type: "http", host: "i", port: 8 } });
    assert.equal(after, "[[accounts]]\nid = 'a'\nproxy.type = 'http'\nproxy.host = \"i\"\nproxy.port = 8\n");
  });

  test("inline accounts change in place", () => {
    const before = "accounts = [ { id = 'a', proxy.type = 'none', api_key = 'x' }, {id='b',} ]";
    assert.equal(
      changeAccount(before, "a", { api_key: null, name: "A", proxy: { type: "http", host: "h", port: 1 } }),
      'accounts = [ { id = \'a\', proxy.type = "http", name = "A", proxy.host = "h", proxy.port = 1 }, {id=\'b\',} ]',
    );
    assert.equal(
      changeAccount(before, "b", { priority: 1 }),
      "accounts = [ { id = 'a', proxy.type = 'none', api_key = 'x' }, {id='b', priority = 1,} ]",
    );
  });

  test("a value of several lines is replaced whole", () => {
    const before = "[[accounts]]\nid = 'a'\nmodels = [\n  'x', # ]\n  'y',\n]\nname = '''\nn'''\n";
    const after = changeAccount(before, "a", { models: ["z"], name: "m" });
    assert.equal(after, '[[accounts]]\nid = \'a\'\nmodels = ["z"]\nname = "m"\n');
  });
});

describe("removing", () => {
  test("a block goes with its proxy; comments around it stay", () => {
    assert.deepEqual(difference(text, removeAccount(text, "a")), [
      "-[[accounts]]",
      '-type = "claude-api" # with a key',
      '-id = "a"',
      '-api_key = "KEY-A"',
      "-# priority = 50",
      "-",
      "-[accounts.proxy] # at work",
      '-type = "socks5"',
      '-host = "h"',
      "-port = 1080",
      "-",
    ]);
  });

  test("a block in the middle leaves one gap", () => {
    assert.match(
      removeAccount(text, "b"),
      /# the second account\n\[usage\]\nretention_days = 10\n# the end$/,
    );
  });

  test("sections of one account that stand apart all go", () => {
    const before = "[[accounts]]\nid = 'a'\n[server]\nport = 1\n[accounts.proxy]\ntype = 'none'\n[usage]\n";
    assert.equal(removeAccount(before, "a"), "[server]\nport = 1\n[usage]\n");
  });

  test("inline elements go with their commas and lines", () => {
    const cases: [string, string][] = [
      ["accounts = [{id='x'}]", "accounts = []"],
      ["accounts = [{id='x'}, {id='b'}]", "accounts = [{id='b'}]"],
      ["accounts = [{id='b'}, {id='x'}]", "accounts = [{id='b'}]"],
      ["accounts = [ {id='b'}, {id='x'}, ]", "accounts = [ {id='b'}, ]"],
      ["accounts = [\n  {id='b'}, # b\n  {id='x'},\n]", "accounts = [\n  {id='b'}, # b\n]"],
      ["accounts = [\n  {id='b'}, # b\n  {id='x'}\n]", "accounts = [\n  {id='b'} # b\n]"],
      ["accounts = [\r\n  {id='x'}, # x\r\n  {id='b'}\r\n]", "accounts = [\r\n  # x\r\n  {id='b'}\r\n]"],
    ];
    for (const [before, after] of cases) assert.equal(removeAccount(before, "x"), after);
  });

  test("all accounts can go one after the other", () => {
    assert.equal(
      removeAccount(removeAccount(text, "a"), "b"),
      `# my relay
api_keys = ["k"] # one key

[server]
port = 3000 # the usual one


# the first account
# the second account
[usage]
retention_days = 10
# the end`,
    );
  });

  test("an account that looks like another inside a string is not taken for it", () => {
    const before =
      "[[accounts]]\nid = 'a'\nname = '''\n[[accounts]]\nid = 'b'\n'''\n\n[[accounts]]\nid = 'b'\n";
    assert.equal(
      removeAccount(before, "b"),
      "[[accounts]]\nid = 'a'\nname = '''\n[[accounts]]\nid = 'b'\n'''\n",
    );
  });
});

test("every edit keeps the line breaks of Windows and a byte order mark", () => {
  const windows = `\ufeff${text.replaceAll("\n", "\r\n")}`;
  const edits = [
    setAccountEnabled(windows, "a", { enabled: false }),
    changeAccount(windows, "b", { name: "B", proxy: { type: "http", host: "h", port: 1 } }),
    changeAccount(windows, "a", { proxy: null, api_key: null }),
    removeAccount(windows, "a"),
    removeAccount(windows, "b"),
    addAccount(windows, "n", { type: "gemini", refresh_token: "T" }),
  ];
  for (const edited of edits) {
    assert.ok(edited.startsWith("\ufeff# my relay\r\n"));
    assert.doesNotMatch(edited, /[^\r]\n/);
    assert.match(edited, /# the end(?!\r\n$)/);
  }
});
