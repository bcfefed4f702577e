import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { accounts, claudeKey } from "./login-accounts.ts";
import { type Answer, cancelled, createLoginPlace, type LoginPlace, terminal } from "./login-support.ts";

let place: LoginPlace;
afterEach(() => place.close());

describe("an API key", () => {
  it("is read from a pipe and written, without a question", async () => {
    place = await createLoginPlace("");
    const result = await place.login("claude --api-key", { stdin: [`${claudeKey}\n`] });
    assert.deepEqual(result, {
      stdout: "",
      stderr: `✓ claude is added: claude-api, key sk-ant****
  written to ${place.configFile}
  no relay is running
  - to start it, run: cc-relay serve
`,
      code: 0,
      signal: undefined,
      questions: [],
      opened: [],
    });
    assert.equal(
      place.text(),
      `[[accounts]]\nid = "claude"\ntype = "claude-api"\napi_key = "${claudeKey}"\n`,
    );
    assert.equal(statSync(place.configFile).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(place.folder), ["config.toml"]);
  });

  it("is asked for on a terminal, after the choice", async () => {
    place = await createLoginPlace("");
    const result = await place.login("gemini", { ...terminal, answers: ["API key", " AIzaSomeKey "] });
    assert.deepEqual(result.questions, [
      "How do you log in? API key | Google account, by OAuth",
      "API key of gemini (from aistudio.google.com)",
    ]);
    assert.equal(result.code, 0);
    assert.match(place.text(), /^api_key = "AIzaSomeKey"$/m);
  });

  it("is the only way for OpenAI: nothing is chosen, and a pipe needs no flag", async () => {
    place = await createLoginPlace("");
    const asked = await place.login("openai", { ...terminal, answers: ["sk-proj-1"] });
    assert.deepEqual(asked.questions, ["API key of openai (from platform.openai.com)"]);
    assert.equal((await place.login("openai", { stdin: ["sk-proj-2"] })).code, 0);
    assert.match(
      place.text(),
      /id = "openai"[^[]*sk-proj-1[^[]*\[\[accounts\]\]\nid = "openai-2"[^[]*sk-proj-2/,
    );
  });

  it("takes name, priority and proxy with it, and shows nothing of the proxy's password", async () => {
    place = await createLoginPlace("");
    const line =
      "claude --api-key --id work --name At.work --priority 150 --proxy socks5h://me:pass%20word@10.0.0.1:1081";
    const { stderr, code } = await place.login(line, { stdin: [claudeKey] });
    assert.equal(code, 0);
    assert.equal(
      place.text(),
      `[[accounts]]
id = "work"
type = "claude-api"
name = "At.work"
priority = 150
api_key = "${claudeKey}"

[accounts.proxy]
type = "socks5h"
host = "10.0.0.1"
port = 1081
username = "me"
password = "pass word"
`,
    );
    assert.doesNotMatch(stderr, /pass/);
  });

  it("is the first line that is not blank, with or without a mark and a line break", async () => {
    for (const stdin of [
      [`\uFEFF${claudeKey}`],
      ["\n \r\n", `  ${claudeKey} \r\nanother line\n`],
      [...claudeKey],
    ]) {
      place = await createLoginPlace("");
      assert.equal((await place.login("claude --api-key", { stdin })).code, 0);
      assert.match(place.text(), new RegExp(`^api_key = "${claudeKey}"$`, "m"));
      await place.close();
    }
  });

  it("makes the file where a relay without one looks for it, with the database that is used so far", async () => {
    place = await createLoginPlace();
    const { stderr } = await place.login("claude --api-key", { stdin: [claudeKey] });
    assert.ok(stderr.includes(`\n  written to ${place.newFile}\n`));
    assert.equal(
      place.text(place.newFile),
      `# Configuration of cc-relay. Client keys belong here, above the first section:
# api_keys = ["KEY"]

[server]
database_path = "${place.newDatabase}"

[[accounts]]
id = "claude"
type = "claude-api"
api_key = "${claudeKey}"
`,
    );
    assert.equal(existsSync(place.newDatabase), false);
  });

  it("makes the file that --config names, and names it in the next command", async () => {
    place = await createLoginPlace();
    const configFile = join(place.folder, "my relay", "own.toml");
    const { stderr } = await place.login("claude --api-key", { stdin: [claudeKey], configFile });
    assert.match(stderr, /\n {2}- to start it, run: cc-relay --config '\/.*\/my relay\/own\.toml' serve\n$/);
    assert.match(place.text(configFile), /^\[\[accounts\]\]\nid = "claude"$/m);
  });

  it("leaves nothing behind after Ctrl-C", async () => {
    place = await createLoginPlace();
    const moments: Answer[][] = [[cancelled], ["API key", cancelled], ["API key", "sk-proj-1", cancelled]];
    for (const answers of moments) {
      const { stderr, code } = await place.login("claude", { ...terminal, answers });
      assert.deepEqual([stderr, code], ["✗ cancelled\n", 2]);
    }
    assert.deepEqual(readdirSync(place.folder), []);
  });

  it("can be one that looks like none, after a question that brings back the first one on a no", async () => {
    place = await createLoginPlace("");
    const doubt = "That does not look like a key for Claude: they begin with sk-ant-. Use it all the same?";
    const answers = ["odd-key-1", false, "odd-key-2", true];
    const result = await place.login("claude --api-key", { ...terminal, answers });
    const asked = "API key of claude (from platform.claude.com)";
    assert.deepEqual(result.questions, [asked, doubt, asked, doubt]);
    assert.match(place.text(), /odd-key-2/);
    assert.doesNotMatch(place.text(), /odd-key-1/);

    const piped = await place.login("claude --api-key", { stdin: ["odd-key-3"] });
    assert.match(
      piped.stderr,
      /^! that does not look like a key for Claude: they begin with sk-ant-; it is used all the same\n✓/,
    );
  });

  it("of another account is pointed out", async () => {
    place = await createLoginPlace(accounts);
    const { stderr } = await place.login("claude --api-key", { stdin: ["sk-ant-api03-old"] });
    assert.match(
      stderr,
      /^! that is the key of claude already; it is used all the same\n✓ claude-2 is added/,
    );
  });
});

describe("a text that cannot be the key", () => {
  it("is refused in a pipe, and nothing is written", async () => {
    place = await createLoginPlace("");
    const { stderr, code } = await place.login("openai --api-key", { stdin: [claudeKey] });
    assert.deepEqual(
      [stderr, code],
      [
        "✗ that is a key for Claude, and this account is for OpenAI\n" +
          "  - to add it there, run: cc-relay login claude --api-key\n",
        2,
      ],
    );
    assert.equal(place.text(), "");
  });

  it("is asked for again on a terminal", async () => {
    place = await createLoginPlace("");
    const answers = ["sk-ant-ort01-abc", claudeKey];
    const { questions, code } = await place.login("claude --api-key", { ...terminal, answers });
    assert.equal(code, 0);
    assert.deepEqual(questions, [
      "API key of claude (from platform.claude.com)",
      "! that is a token of a Claude login (OAuth), not an API key; " +
        "tokens are fetched, never pasted: to log in, run: cc-relay login claude",
    ]);
  });

  it("is nothing at all", async () => {
    place = await createLoginPlace("");
    for (const stdin of [[], [""], ["\n\n", " "]]) {
      const { stderr, code } = await place.login("claude --api-key", { stdin });
      assert.deepEqual(
        [stderr, code],
        [
          '✗ standard input holds no key\n  - pipe one in: printf %s "$KEY" | cc-relay login claude --api-key\n',
          2,
        ],
      );
    }
  });
});

describe("a file that cannot be written", () => {
  it("is reported before the key is asked for", async () => {
    place = await createLoginPlace(accounts);
    chmodSync(place.configFile, 0o444);
    const call = { ...terminal, answers: [] };
    const { stderr, code } = await place.login("claude --api-key", call);
    assert.deepEqual(
      [stderr, code],
      [
        `✗ ${place.configFile} is read-only, so that this command cannot change it\n` +
          "  - make the file and its folder writable for this user, or change the file by hand\n",
        1,
      ],
    );
    assert.equal(place.text(), accounts);
  });

  it("is reported when it holds a problem, with all of them", async () => {
    place = await createLoginPlace("[server]\nprot = 1\n");
    const { stderr, code } = await place.login("claude --api-key", { ...terminal, answers: [] });
    assert.equal(code, 1);
    assert.match(stderr, /^✗ the configuration has 1 problem\n.*prot/s);
  });
});
