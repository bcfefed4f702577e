import assert from "node:assert/strict";
import { test } from "node:test";
import { createLocator } from "../../src/config/locate.ts";
import { formatKey, type KeyPath } from "../../src/config/problem.ts";

const text = `\ufeff# a comment with [brackets] = "and quotes
api_keys = [
  "a", # the first
  { name = "b", key = 'c' },
  """d
  [server]
  port = 1""",
]
oauth.claude.client_id = "x"

[server] # server
host = "[[accounts]]"
"port" = 3000
'log_level' = "info"

[[accounts]]
id = "a"
proxy.type = "socks5"
proxy . host = "h"

[server.extra."odd.key"]
deep = { one = { two = [1,
  { three = 3 }] } }
date = 1979-05-27 07:32:00
[[accounts]]
id = '''
x''''
[accounts.proxy]
port = 1
[[ "accounts" ]]
  id = "c"
`;

const cases: [KeyPath, number | undefined][] = [
  [["api_keys"], 2],
  [["api_keys", 0], 3],
  [["api_keys", 1], 4],
  [["api_keys", 1, "key"], 4],
  [["api_keys", 2], 5],
  [["oauth"], 9],
  [["oauth", "claude", "client_id"], 9],
  [["oauth", "claude", "token_url"], 9],
  [["server"], 11],
  [["server", "host"], 12],
  [["server", "port"], 13],
  [["server", "log_level"], 14],
  [["server", "missing"], 11],
  [["accounts"], 16],
  [["accounts", 0], 16],
  [["accounts", 0, "id"], 17],
  [["accounts", 0, "proxy"], 18],
  [["accounts", 0, "proxy", "host"], 19],
  [["accounts", 0, "api_key"], 16],
  [["server", "extra", "odd.key", "deep", "one", "two", 1, "three"], 23],
  [["server", "extra", "odd.key", "date"], 24],
  [["accounts", 1, "id"], 26],
  [["accounts", 1, "proxy"], 28],
  [["accounts", 1, "proxy", "port"], 29],
  [["accounts", 2, "id"], 31],
  [["accounts", 3], 16],
  [["session", "x"], undefined],
];

for (const [path, line] of cases) {
  test(`${formatKey(path)} is found in line ${line ?? "none"}`, () => {
    assert.equal(createLocator(text)(path), line);
    assert.equal(createLocator(text.replaceAll("\n", "\r\n"))(path), line, "with CRLF");
  });
}

test("keys are printed as TOML writes them, bounded and without control characters", () => {
  assert.equal(formatKey(["accounts", 1, "proxy", "odd key"]), 'accounts[1].proxy."odd key"');
  assert.equal(formatKey(['a"b', ""]), '"a\\"b".""');
  assert.equal(formatKey(["\u0000\u200b\ud800é"]), '"\\u0000\\u200b\\ud800é"');
  assert.equal(formatKey(["x".repeat(1_000_000)]), `${"x".repeat(60)}…`);
  assert.equal(formatKey(Array.from({ length: 5000 }, () => "a")), "a.a.a.a.a.a.a.a.…");
});
