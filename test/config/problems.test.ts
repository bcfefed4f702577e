import assert from "node:assert/strict";
import { test } from "node:test";
import { describeProblems, messageOf, type ProblemCase, testFile } from "./support.ts";

const syntax: ProblemCase[] = [
  [
    "an open string",
    '[server]\nhost = "127',
    ["2 : a string is not closed by its quote before the line ends -> FIRST"],
  ],
  ["an open list", 'api_keys = ["a",', ["1 : a list is not closed by ] -> FIRST"]],
  ["an open table", 'accounts = [{ id = "a",', ["1 : a table in braces is not closed by } -> FIRST"]],
  ["a missing comma", 'api_keys = ["a" "b"]', ["1 : a comma or a closing bracket is missing -> FIRST"]],
  [
    "no value",
    "[server]\nport =\n",
    ["2 : the value is neither a number nor true, false or a string in quotes -> FIRST"],
  ],
  [
    "a bare word",
    "[server]\nhost = localhost",
    ["2 : the value is neither a number nor true, false or a string in quotes -> FIRST"],
  ],
  [
    "two values",
    "[server]\nport = 1 2",
    ["2 : there is something after the value, where only a # comment may be -> FIRST"],
  ],
  ["a section twice", "[server]\n[server]", ["2 : this section or key is there twice -> FIRST"]],
  ["a key twice", "[server]\nport = 1\nport = 2", ["3 : this section or key is there twice -> FIRST"]],
  [
    "a Windows path",
    '[server]\ndatabase_path = "C:\\data"',
    ["2 : a string in double quotes holds a backslash; write it twice, or use single quotes -> FIRST"],
  ],
  ["a wrong date", "a = 2020-13-45", ["1 : this looks like a date and is not a valid one -> FIRST"]],
  [
    "prose",
    "[server]\nhello world",
    ["2 : this is neither a [section] nor a line of the form key = value -> FIRST"],
  ],
  ["nests", `a = ${"[".repeat(60)}`, ["1 : lists or tables are nested too deeply -> FIRST"]],
];

describeProblems("text that is no TOML", syntax);

test("all problems come in one message, in the order of the file", () => {
  const text = 'port = 3000\n[server]\napi_keys = ["k"]\nport = "x"\n[[accounts]]\nid = "a"\n';
  assert.equal(
    messageOf(text),
    `the configuration has 4 problems

${testFile}:1: port
  ✗ is not a known key
  - it belongs elsewhere: server.port or accounts[].proxy.port

${testFile}:3: server.api_keys
  ✗ is below [server], so that it belongs to that section and protects nothing
  - move the line api_keys = […] to the top of the file, above the first [section]

${testFile}:4: server.port
  ✗ must be a whole number from 0 to 65535, and is a string
  - write port = 3000

${testFile}:5: accounts[0].type
  ✗ is missing
  - write type = "claude-api"`,
  );
});

test("a fault of the syntax is reported with its line alone", () => {
  assert.equal(
    messageOf('[[accounts]]\napi_key = "sk-ant-secret'),
    `the configuration has 1 problem

${testFile}:2
  ✗ a string is not closed by its quote before the line ends
  - fix this line first; the rest of the file is checked after it`,
  );
});

test("a thousand problems are counted and a hundred shown", () => {
  const entries = Array.from({ length: 1000 }, (_, index) => index);
  const message = messageOf(`api_keys = [${entries}]`) ?? "";
  assert.match(message, /^the configuration has 1000 problems\n/);
  assert.match(message, /api_keys\[99\]\n[\s\S]*\n\n… and 900 more$/);
  assert.doesNotMatch(message, /api_keys\[100\]/);
});
