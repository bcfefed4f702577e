// Which changes of a configuration file count at once, and which look like a write that has not come to its end.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createConfigReader, findUnfinished, UnfinishedConfig } from "../../src/config/reload.ts";
import { secretsOf } from "../../src/config/secrets.ts";
import { mountPoints } from "../../src/config/watch.ts";
import { fixText } from "../../src/domain/errors.ts";
import { defaultConfig } from "../support/default-config.ts";
import { testAccount } from "../support/relay.ts";

const text = 'api_keys = ["one", "two"]\n\n[[accounts]]\nid = "a"\n';
const before = { file: "/c/config.toml", text };

test("nothing, the beginning of what it was and a file that is gone do not count; any other text does", () => {
  const cases: [after: string, fault: string | undefined][] = [
    ["", "is empty"],
    ["\ufeff \n\t\n", "is empty"],
    [text.slice(0, 10), "is only the beginning of what it was"],
    [text.slice(0, -1), "is only the beginning of what it was"],
    [text, undefined],
    [`${text}# more\n`, undefined],
    ['api_keys = ["two"]\n', undefined],
    ['api_keys = ["one", "two"]\n\n\n', undefined],
  ];
  for (const [after, fault] of cases)
    assert.equal(findUnfinished(before, { ...before, text: after }), fault, JSON.stringify(after));
  assert.equal(findUnfinished(before, { file: undefined, text: "" }), "is gone");
  assert.equal(findUnfinished(before, { file: "/elsewhere/config.toml", text }), "is gone");
  assert.equal(findUnfinished({ file: undefined, text: "" }, before), undefined);
});

test("what does not count as a change counts when it is asked for, and is then what the next change is compared with", async () => {
  let now = before;
  const config = defaultConfig({ databasePath: "/d", accounts: [] });
  const reader = createConfigReader(async (inspect) => {
    inspect(now);
    return config;
  });
  await reader.read("asked");
  now = { ...before, text: "" };
  await assert.rejects(reader.read("changed"), (error) => {
    assert.ok(error instanceof UnfinishedConfig);
    assert.equal(error.message, "/c/config.toml is empty");
    assert.match(fixText(error.fix ?? ""), /SIGHUP/);
    return true;
  });
  await assert.rejects(
    reader.read("changed"),
    UnfinishedConfig,
    "it is still compared with the one that counts",
  );
  await reader.read("asked");
  now = before;
  await reader.read("changed");
});

test("a mount point is read with what is written as octal numbers in it", () => {
  const lines =
    "36 35 98:0 / / rw - ext4 /dev/root rw\n41 36 98:0 /c /my\\040config/config.toml ro - ext4 /dev/root rw\n";
  assert.deepEqual(mountPoints(lines), ["/", "/my config/config.toml"]);
});

test("every secret of a configuration is known, proxies' and OAuth's too", () => {
  const proxy = { type: "http", host: "h", port: 1, username: "u", password: "proxy-password" } as const;
  const config = {
    ...defaultConfig({
      databasePath: "/d",
      accounts: [testAccount("a", "claude-api", "http://127.0.0.1", { proxy })],
    }),
    apiKeys: [{ name: "k", key: "relay-key" }],
    oauth: { claude: { clientSecret: "claude-secret" }, gemini: { clientSecret: "gemini-secret" } },
    environmentProxy: { httpsProxy: "http://me:environment-password@proxy:3128" },
  };
  assert.deepEqual(secretsOf(config).sort(), [
    "claude-secret",
    "environment-password",
    "gemini-secret",
    "key-of-a",
    "proxy-password",
    "relay-key",
  ]);
});
