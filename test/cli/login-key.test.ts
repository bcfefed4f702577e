import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { classifyKey } from "../../src/config/key-shapes.ts";
import type { Family } from "../../src/domain/family.ts";
import { hashToken } from "../../src/oauth/refresh.ts";
import type { CooldownRow } from "../../src/store/store.ts";
import { type Answer, cancelled, createLoginPlace, type LoginPlace, now } from "./login-support.ts";

let place: LoginPlace;
afterEach(() => place.close());

const claudeKey = "sk-ant-api03-AAAAbbbbCCCC";
const terminal = { screen: { isTerminal: true } };

const accounts = `# Mine
api_keys = ["client"]

[[accounts]] # the first
id = "claude"
type = "claude-api"
api_key = "sk-ant-api03-old" # of the team
priority = 200

[[accounts]]
id = "from-env"
type = "claude-api"
api_key_env = "A_VARIABLE"

[[accounts]]
id = "max"
type = "claude-oauth"
refresh_token = "sk-ant-ort01-old"

[[accounts]]
id = "google"
type = "gemini"
refresh_token = "1//0old"
api_url = "https://code-assist.example"
project = "mine"

[[accounts]]
id = "compatible"
type = "openai-responses"
api_key = "old"
api_url = "https://models.example/v1"
enabled = false
`;

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

describe("a setup token", () => {
  const token = "sk-ant-oat01-AAAAbbbbCCCC";

  it("is read from a pipe after the provider's terms, and takes the place of a refresh token", async () => {
    place = await createLoginPlace("");
    const unasked = await place.login("claude --setup-token", { stdin: [`${token}\n`] });
    assert.equal(unasked.code, 2);
    assert.match(
      unasked.stderr,
      /no terminal to ask for a yes .*--yes gives it:\n +1\. Anthropic means this/,
    );
    assert.equal(place.text(), "");
    const result = await place.login("claude --setup-token --yes", { stdin: [`${token}\n`] });
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /Anthropic means this login for your own, ordinary use of Claude Code/);
    assert.match(result.stderr, /claude is added: claude-oauth, setup token sk-ant\*\*\*\*/);
    assert.deepEqual(result.opened, []);
    assert.equal(
      place.text(),
      `[[accounts]]\nid = "claude"\ntype = "claude-oauth"\nsetup_token = "${token}"\n`,
    );
  });

  it("is asked for without echo on a terminal, once the terms are agreed to", async () => {
    place = await createLoginPlace("");
    const result = await place.login("claude --setup-token", { ...terminal, answers: [true, token] });
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.questions.at(-1) ?? "", /^Setup token of claude \(from claude setup-token\)/);
    assert.doesNotMatch(result.stderr, /AAAAbbbb/);
    assert.match(place.text(), /setup_token = /);
  });

  it("replaces the refresh token of an account that is there", async () => {
    place = await createLoginPlace(
      '[[accounts]]\nid = "max"\ntype = "claude-oauth"\nrefresh_token = "old" # mine\npriority = 7\n',
    );
    const result = await place.login("claude --setup-token --id max --yes", { stdin: [token] });
    assert.equal(result.code, 0, result.stderr);
    assert.doesNotMatch(place.text(), /refresh_token/);
    assert.match(place.text(), /setup_token = "sk-ant-oat01-AAAAbbbbCCCC"/);
    assert.match(place.text(), /priority = 7/);
  });

  it("is for Claude only, and is no API key", async () => {
    place = await createLoginPlace("");
    const gemini = await place.login("gemini --setup-token", { stdin: [token] });
    assert.equal(gemini.code, 2);
    assert.match(gemini.stderr, /--setup-token is for Claude/);
    const key = await place.login("claude --api-key", { stdin: [token] });
    assert.equal(key.code, 2);
    assert.match(key.stderr, /cc-relay login claude --setup-token/);
    const wrong = await place.login("claude --setup-token --yes", { stdin: [claudeKey] });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /that is no setup token/);
    assert.equal(place.text(), "");
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

  const cases: [string, Family, string][] = [
    ["sk-ant-api03-abc", "claude", "fine"],
    ["AIzaSyAbc", "gemini", "fine"],
    ["AQ.Ab8RN6", "gemini", "fine"],
    ["sk-proj-abc", "openai", "fine"],
    ["sk-abc", "openai", "fine"],
    ["sk-proj-abc", "claude", "refused"],
    ["sk-svcacct-abc", "gemini", "refused"],
    ["sk-abc", "claude", "doubtful"],
    ["AIzaSyAbc", "openai", "refused"],
    ["sk-ant-api03-abc", "gemini", "refused"],
    ["sk-ant-oat01-abc", "claude", "refused"],
    ["sk-ant-ort01-abc", "gemini", "refused"],
    ["ya29.abc", "gemini", "refused"],
    ["1//0abc", "gemini", "refused"],
    ["GOCSPX-abc", "gemini", "refused"],
    ["eyJhbGciOi.eyJzdWIi.abc", "openai", "refused"],
    ["sk-ant-api03-a b", "claude", "refused"],
    ["ANTHROPIC_API_KEY=sk-ant-api03-abc", "claude", "refused"],
    ["export OPENAI_API_KEY=sk-abc", "openai", "refused"],
    ['"sk-abc"', "openai", "refused"],
    ["Bearer sk-abc", "openai", "refused"],
    ["x-api-key: sk-ant-api03-abc", "claude", "refused"],
    ["sk-ant-api03-abc…xyz", "claude", "refused"],
    ["sk-proj-***abc", "openai", "refused"],
    ["sk-ant-api03-äbc", "claude", "refused"],
    ["something", "claude", "doubtful"],
    ["something", "gemini", "doubtful"],
    ["something", "openai", "doubtful"],
  ];
  for (const [text, family, kind] of cases) {
    it(`is found by its form: ${text} for ${family} is ${kind}`, async () => {
      place = await createLoginPlace("");
      const verdict = classifyKey(text, { family, apiUrl: undefined });
      assert.equal(verdict.kind, kind);
      assert.ok(!JSON.stringify(verdict).includes("abc"), "it is not repeated");
    });
  }

  it("is only a damaged one where another provider speaks the same API", () => {
    const question = { family: "openai", apiUrl: "https://models.example/v1" } as const;
    assert.equal(classifyKey("sk-ant-api03-abc", question).kind, "fine");
    assert.equal(classifyKey("two words", question).kind, "refused");
  });
});

describe("an account that is there", () => {
  it("gets its new key after a question; nothing else in the file changes", async () => {
    place = await createLoginPlace(accounts);
    const call = { ...terminal, answers: [true, claudeKey] };
    const { questions, stderr } = await place.login("claude --id claude --api-key", call);
    assert.deepEqual(questions, [
      "claude is there already (claude-api). Replace its API key?",
      "New API key of claude (from platform.claude.com)",
    ]);
    assert.match(stderr, /^✓ claude is refreshed: claude-api, key sk-ant\*\*\*\*\n/);
    assert.equal(place.text(), accounts.replace("sk-ant-api03-old", claudeKey));
  });

  it("is not changed on a no", async () => {
    place = await createLoginPlace(accounts);
    const call = { ...terminal, answers: [false] };
    const { stderr, code } = await place.login("claude --id claude --api-key", call);
    assert.deepEqual([stderr, code], ["✗ claude was not changed\n", 2]);
    assert.equal(place.text(), accounts);
  });

  it("is not changed in a pipe without --yes, which the message names", async () => {
    place = await createLoginPlace(accounts);
    const refused = await place.login("claude --id claude --api-key", { stdin: [claudeKey] });
    assert.deepEqual(
      [refused.stderr, refused.code],
      [
        "✗ the account claude is there already, and there is no terminal to ask whether to change it\n" +
          "  - to give it the new credential, add --yes; for another account, choose another --id\n",
        2,
      ],
    );
    assert.equal(place.text(), accounts);
    const done = await place.login("claude --id claude --api-key --yes --priority 7", { stdin: [claudeKey] });
    assert.equal(done.code, 0);
    assert.equal(
      place.text(),
      accounts.replace("sk-ant-api03-old", claudeKey).replace("priority = 200", "priority = 7"),
    );
  });

  it("has its key in the file from then on, where it was a variable's", async () => {
    place = await createLoginPlace(accounts);
    await place.login("claude --id from-env --api-key --yes", { stdin: [claudeKey] });
    assert.equal(
      place.text(),
      accounts.replace('api_key_env = "A_VARIABLE"\n', `api_key = "${claudeKey}"\n`),
    );
  });

  it("can become one with a key: what its login left is gone", async () => {
    place = await createLoginPlace(accounts);
    const database = join(place.folder, "data", "relay.db");
    await place.store(database, ({ tokens }) => tokens.replace(tokenRow("max"), undefined));
    const { stderr } = await place.login("claude --id max --api-key --yes", { stdin: [claudeKey] });
    assert.match(stderr, /^✓ max is refreshed: claude-api,/);
    assert.equal(
      place.text(),
      accounts
        .replace('"claude-oauth"', '"claude-api"')
        .replace('refresh_token = "sk-ant-ort01-old"\n', `api_key = "${claudeKey}"\n`),
    );
    assert.equal(await place.store(database, ({ tokens }) => tokens.load("max")), undefined);
  });

  it("of Code Assist that gets a key loses what only Code Assist has", async () => {
    place = await createLoginPlace(accounts);
    await place.login("gemini --id google --api-key --yes", { stdin: ["AIzaSyNew"] });
    const [, , , , google = ""] = place.text().split("[[accounts]]");
    assert.equal(google, '\nid = "google"\ntype = "gemini-api"\napi_key = "AIzaSyNew"\n\n');
  });

  it("may be another provider behind the same API, with keys of another form; disabled it stays", async () => {
    place = await createLoginPlace(accounts);
    const { stderr } = await place.login("openai --id compatible --yes", { stdin: [claudeKey] });
    assert.equal(
      stderr,
      `✓ compatible is refreshed: openai-responses, key sk-ant****
  written to ${place.configFile}
  ! it is disabled, so that nothing is sent to it
  no relay is running
  - to use it, run: cc-relay accounts enable compatible
`,
    );
  });

  it("of another provider is not touched", async () => {
    place = await createLoginPlace(accounts);
    const { stderr, code } = await place.login("openai --id claude --yes", { stdin: ["sk-proj-1"] });
    assert.deepEqual(
      [stderr, code],
      [
        "✗ the account claude is of type claude-api, and not for openai\n" +
          "  - choose another id, or for that account run: cc-relay login claude --id claude\n",
        2,
      ],
    );
    assert.equal(place.text(), accounts);
  });

  it("every cooldown of the old credential ends, and no other account's", async () => {
    place = await createLoginPlace(accounts);
    const database = join(place.folder, "data", "relay.db");
    await place.store(database, async ({ accounts: store }) => {
      await store.saveCooldown(cooldown("claude", { kind: "unauthorized" }));
      await store.saveCooldown(cooldown("claude", { kind: "model-denied", scope: "opus" }));
      await store.saveCooldown(cooldown("claude", { kind: "rate-limited", scope: "sonnet" }));
      await store.saveCooldown(cooldown("from-env", { kind: "unauthorized" }));
    });
    await place.login("claude --id claude --api-key --yes", { stdin: [claudeKey] });
    const left = await place.store(database, ({ accounts: store }) => store.cooldowns());
    assert.deepEqual(
      left.map(({ accountId, scope }) => `${accountId} ${scope}`),
      ["from-env "],
    );
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

function cooldown(accountId: string, some: Partial<CooldownRow>): CooldownRow {
  const reason = "the key was refused";
  const times = { since: now, until: now + 1e6, probedAt: now };
  return { accountId, scope: "", ...times, kind: "", reason, settings: undefined, ...some };
}

function tokenRow(accountId: string) {
  return {
    accountId,
    configuredHash: hashToken("sk-ant-ort01-old"),
    refreshToken: "sk-ant-ort01-rotated",
    accessToken: undefined,
    expiresAt: undefined,
    project: undefined,
    generation: 1,
    updatedAt: now,
    exchangeHash: undefined,
    exchangeAt: undefined,
  };
}
