import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import { accountsToml, seedAccounts } from "./accounts-seed.ts";
import { createWorkplace, hour, minute, now, type Workplace } from "./workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await createWorkplace(accountsToml);
});
afterEach(() => place.close());

const fileText = () => readFileSync(place.configFile, "utf8");

async function cooldownsOf(id: string): Promise<string[]> {
  const scopes: string[] = [];
  await place.store(async (store) => {
    for (const { accountId, scope } of await store.accounts.cooldowns())
      if (accountId === id) scopes.push(scope);
  });
  return scopes;
}

async function bindingsOf(id: string): Promise<string[]> {
  const keys: string[] = [];
  await place.store(async (store) => {
    for (const { accountId, key } of await store.bindings.load(now, 100))
      if (accountId === id) keys.push(key);
  });
  return keys;
}

async function bind(id: string): Promise<void> {
  await place.store((store) =>
    store.bindings.save({
      kind: "session",
      key: `session-of-${id}`,
      accountId: id,
      fallbackId: undefined,
      expiresAt: now + hour,
    }),
  );
}

describe("accounts enable", () => {
  it("switches an account on in the file and keeps everything else in it", async () => {
    assert.deepEqual(await place.type("accounts enable gemini-1"), {
      stdout: "",
      stderr: "✓ gemini-1 is enabled\n",
      code: 0,
    });
    assert.equal(fileText(), accountsToml.replace("enabled = false", "enabled = true"));
    assert.equal(statSync(place.configFile).mode & 0o777, 0o600);
    assert.equal(existsSync(place.database), false);
  });

  it("ends every cooldown of the account and leaves those of others", async () => {
    await place.store(seedAccounts);
    assert.equal(
      (await place.type("accounts enable claude-max")).stderr,
      "✓ claude-max is ready: its cooldown is over\n",
    );
    assert.deepEqual(await cooldownsOf("claude-max"), []);
    assert.deepEqual(await cooldownsOf("openai-1"), [""]);
    assert.equal(fileText(), accountsToml);
  });

  it("forgets the windows that led to the cooldown, and keeps when the account was used", async () => {
    await place.store(seedAccounts);
    await place.type("accounts enable claude-max");
    await place.store(async (store) => {
      const states = new Map((await store.accounts.states()).map((state) => [state.accountId, state]));
      assert.deepEqual(states.get("claude-max"), {
        accountId: "claude-max",
        lastUsedAt: now - 4 * minute,
        windows: [],
        forgottenAt: now,
      });
      assert.equal(states.get("claude-spare")?.windows.length, 2);
    });
  });

  it("does both at once", async () => {
    await place.store(seedAccounts);
    const at = { at: now - hour };
    assert.equal(
      (await place.type("accounts enable gemini-1", at)).stderr,
      "✓ gemini-1 is enabled, and its cooldown is over\n",
    );
    assert.deepEqual(await cooldownsOf("gemini-1"), []);
  });

  it("needs no right to write a file in which there is nothing to change", async () => {
    await place.store(seedAccounts);
    chmodSync(place.configFile, 0o444);
    assert.equal((await place.type("accounts enable openai-1")).code, 0);
    assert.deepEqual(await cooldownsOf("openai-1"), []);
  });

  it("says that there was nothing to do", async () => {
    assert.deepEqual(await place.type("accounts enable claude-max"), {
      stdout: "",
      stderr: "✓ claude-max was enabled already\n",
      code: 0,
    });
    assert.equal(fileText(), accountsToml);
  });
});

describe("accounts disable", () => {
  it("switches an account off in the file and drops its sessions", async () => {
    await bind("claude-max");
    await bind("claude-spare");
    assert.deepEqual(await place.type("accounts disable claude-max"), {
      stdout: "",
      stderr: "✓ claude-max is disabled\n",
      code: 0,
    });
    assert.equal(
      fileText(),
      accountsToml.replace("200 # first of all\n", "200 # first of all\nenabled = false\n"),
    );
    assert.deepEqual(await bindingsOf("claude-max"), []);
    assert.deepEqual(await bindingsOf("claude-spare"), ["session-of-claude-spare"]);
    const { stdout } = await place.type("accounts list");
    assert.match(stdout, /^claude-max\tclaude-oauth\t200\tdisabled\t/m);
  });

  it("says what becomes of the requests when the last account of an API goes", async () => {
    assert.deepEqual(await place.type("accounts disable openai-1"), {
      stdout: "",
      stderr:
        "✓ openai-1 is disabled\n" +
        "! no enabled account for OpenAI is left: its requests are answered with an error\n",
      code: 0,
    });
  });

  it("says that there was nothing to do", async () => {
    assert.equal((await place.type("accounts disable gemini-1")).stderr, "✓ gemini-1 was disabled already\n");
    assert.equal(fileText(), accountsToml);
  });

  it("changes nothing when the file is read-only, and says what to do", async () => {
    await bind("claude-max");
    chmodSync(place.configFile, 0o444);
    const { stdout, stderr, code } = await place.type("accounts disable claude-max");
    assert.deepEqual([stdout, code], ["", 1]);
    assert.equal(
      stderr,
      `✗ ${place.configFile} is read-only, so that this command cannot change it\n` +
        "  - make the file and its folder writable for this user, or change the file by hand\n",
    );
    assert.equal(fileText(), accountsToml);
    assert.deepEqual(await bindingsOf("claude-max"), ["session-of-claude-max"]);
  });
});

describe("accounts remove", () => {
  const without = accountsToml.replace(/\[\[accounts\]\]\ntype = "gemini-api"[^[]*/, "").trimEnd();

  it("asks, then takes the account out of the file and the database; its usage stays", async () => {
    await place.store(seedAccounts);
    await bind("gemini-1");
    assert.deepEqual(await place.type("accounts remove gemini-1", { answer: true }), {
      stdout: "",
      stderr:
        "✓ gemini-1 is removed; its usage stays\n" +
        "! no account for Gemini is left: its requests go on with the client's own credential\n",
      code: 0,
    });
    assert.deepEqual(place.questions, [
      `Remove gemini-1 (gemini-api) and its API key from ${place.configFile}? What it has used stays in the statistics.`,
    ]);
    assert.equal(fileText().trimEnd(), without);
    assert.deepEqual(await cooldownsOf("gemini-1"), []);
    assert.deepEqual(await bindingsOf("gemini-1"), []);
  });

  it("keeps what the account has used", async () => {
    await place.store(seedAccounts);
    await place.type("accounts remove claude-max --yes");
    assert.match((await place.type("usage --by account")).stdout, /^claude-max\t3\t/);
  });

  it("does nothing on a no, and exits 2", async () => {
    assert.deepEqual(await place.type("accounts remove gemini-1", { answer: false }), {
      stdout: "",
      stderr: "✗ gemini-1 was not removed\n",
      code: 2,
    });
    assert.equal(fileText(), accountsToml);
  });

  it("asks nothing with --yes", async () => {
    assert.equal((await place.type("accounts remove gemini-1 --yes", { answer: false })).code, 0);
    assert.deepEqual(place.questions, []);
    assert.equal(fileText().trimEnd(), without);
    assert.equal(existsSync(place.database), false);
  });

  it("names the flag where nobody can be asked, and exits 2", async () => {
    assert.deepEqual(await place.type("accounts remove gemini-1"), {
      stdout: "",
      stderr:
        "✗ removing an account needs a yes, and there is no terminal to ask on\n" +
        "  - to say yes beforehand, run: cc-relay accounts remove gemini-1 --yes\n",
      code: 2,
    });
    assert.equal(fileText(), accountsToml);
  });

  it("says that requests get an error where client keys are set", async () => {
    writeFileSync(place.configFile, `api_keys = ["client-key-1"]\n${accountsToml}`);
    assert.match(
      (await place.type("accounts remove gemini-1 --yes")).stderr,
      /no enabled account for Gemini is left: its requests are answered with an error\n$/,
    );
  });
});

describe("an id that no account has", () => {
  for (const command of ["enable", "disable", "remove"]) {
    it(`is reported by accounts ${command}, with the nearest one`, async () => {
      assert.deepEqual(await place.type(`accounts ${command} claude-mx`), {
        stdout: "",
        stderr:
          "✗ there is no account claude-mx\n" +
          `  - did you mean claude-max? run: cc-relay accounts ${command} claude-max\n`,
        code: 1,
      });
      assert.equal(fileText(), accountsToml);
    });
  }

  it("gets all of them when none is near", async () => {
    assert.match(
      (await place.type("accounts enable x")).stderr,
      /\n {2}- use one of openai-1, claude-spare, claude-max, gemini-1\n$/,
    );
  });

  it("is not repeated when it is a key", async () => {
    const { stderr } = await place.type("accounts enable sk-ant-api03-pasted-by-mistake");
    assert.doesNotMatch(stderr, /pasted/);
    assert.match(stderr, /^✗ there is no account sk-ant-\*\*\*\n/);
  });

  it("is reported without a configuration file too", async () => {
    const empty = await createWorkplace(undefined);
    try {
      assert.deepEqual(await empty.type("accounts disable claude-1"), {
        stdout: "",
        stderr:
          "✗ there is no account claude-1\n" +
          "  - no account is configured; to add one, run: cc-relay login claude\n",
        code: 1,
      });
    } finally {
      await empty.close();
    }
  });

  it("exits 2 when it is left out", async () => {
    assert.deepEqual((await place.type("accounts enable")).code, 2);
  });
});
