import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readUsableConfig } from "../../src/doctor/configuration.ts";
import { fakeEnvironment, testFile } from "../config/support.ts";

const account = (id: string, more = "") =>
  `[[accounts]]\nid = "${id}"\ntype = "claude-api"\napi_key = "k"\n${more}\n`;

function usable(text: string) {
  const config = readUsableConfig(text, { file: testFile, environment: fakeEnvironment() });
  return (
    config && {
      port: config.server.port,
      keys: config.apiKeys.length,
      accounts: config.accounts.map(({ id }) => id),
    }
  );
}

describe("of a configuration with problems", () => {
  const cases: [string, string, ReturnType<typeof usable>][] = [
    [
      "an unknown key is left out",
      `api_keys = ["a"]\n[server]\nprot = 1\nport = 4000\n${account("one")}`,
      { port: 4000, keys: 1, accounts: ["one"] },
    ],
    [
      "api_keys below [server] are",
      `[server]\nport = 4000\napi_keys = ["a"]\n${account("one")}`,
      { port: 4000, keys: 0, accounts: ["one"] },
    ],
    [
      "a wrong value gives way to the default",
      `[server]\nport = "x"\n${account("one")}`,
      { port: 3000, keys: 0, accounts: ["one"] },
    ],
    [
      "an account at fault goes as a whole, and the others keep their places",
      `${account("one")}${account("two", "proxy = 1")}${account("two")}${account("three")}`,
      { port: 3000, keys: 0, accounts: ["one", "three"] },
    ],
    [
      "an unknown section goes",
      `[sever]\nport = 1\n${account("one")}`,
      { port: 3000, keys: 0, accounts: ["one"] },
    ],
    [
      "a section that is no table goes",
      `server = 3\n${account("one")}`,
      { port: 3000, keys: 0, accounts: ["one"] },
    ],
    [
      "a host that would let strangers in goes",
      `[server]\nhost = "0.0.0.0"\n${account("one")}`,
      { port: 3000, keys: 0, accounts: ["one"] },
    ],
    ["nothing is left when it is no TOML", "[server\n", undefined],
  ];
  for (const [title, text, expected] of cases) it(title, () => assert.deepEqual(usable(text), expected));
});
