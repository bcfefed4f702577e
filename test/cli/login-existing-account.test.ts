import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { hashToken } from "../../src/oauth/refresh.ts";
import type { CooldownRow } from "../../src/store/store.ts";
import { accounts, claudeKey } from "./login-accounts.ts";
import { createLoginPlace, type LoginPlace, now, terminal } from "./login-support.ts";

let place: LoginPlace;
afterEach(() => place.close());

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
    extras: undefined,
    generation: 1,
    updatedAt: now,
    exchangeHash: undefined,
    exchangeAt: undefined,
  };
}
