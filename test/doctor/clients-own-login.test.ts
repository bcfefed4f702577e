import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { createHome, findFaults, origin } from "./client-home.ts";

describe("doctor finds what is wrong with the clients:", () => {
  it("nothing in the client's own login where requests are forwarded with it", async (t) => {
    const site = await createHome(t);
    site.relay = { origin, keys: [], families: new Set(), ownLogins: new Set(), webSocket: true };
    delete site.env.ANTHROPIC_AUTH_TOKEN;
    Object.assign(site.env, { CLAUDE_CODE_OAUTH_TOKEN: "own", GOOGLE_API_KEY: "own" });
    assert.deepEqual(await findFaults(site), []);
  });

  describe("where an account of type client waits for Claude Code's own login", () => {
    const ownLogin = async (t: TestContext, env: Record<string, string>, settings = "{}") => {
      const site = await createHome(t);
      await site.write(".claude/settings.json", settings);
      site.relay = { ...site.relay!, ownLogins: new Set(["claude"]) };
      delete site.env.ANTHROPIC_AUTH_TOKEN;
      Object.assign(site.env, env);
      return findFaults(site);
    };
    const header = { ANTHROPIC_CUSTOM_HEADERS: "x-mine: 1\nX-CC-Relay-Key: relay-key-1" };

    it("nothing in a login beside the relay's key, stored or as a token", async (t) => {
      assert.deepEqual(await ownLogin(t, header), []);
      assert.deepEqual(await ownLogin(t, { ...header, CLAUDE_CODE_OAUTH_TOKEN: "own" }), []);
    });

    it("what takes the login's place, and a wrong key", async (t) => {
      assert.deepEqual(await ownLogin(t, { ...header, ANTHROPIC_API_KEY: "x" }), [
        "warn claude: ANTHROPIC_API_KEY is set: Claude Code uses it instead of its own login, for which there is an account of type client -> to remove it from this shell, run: unset ANTHROPIC_API_KEY",
      ]);
      const helper = '{"apiKeyHelper":"/bin/key"}';
      assert.deepEqual(await ownLogin(t, header, helper), [
        "warn claude: apiKeyHelper is set: Claude Code uses it instead of its own login, for which there is an account of type client -> remove it from FOLDER/home/.claude/settings.json",
      ]);
      assert.deepEqual(await ownLogin(t, { ANTHROPIC_CUSTOM_HEADERS: "x-cc-relay-key: old" }), [
        `fail claude: x-cc-relay-key in ANTHROPIC_CUSTOM_HEADERS is not one of api_keys: the relay refuses it -> to point it at the relay, run: eval "$(cc-relay env claude --own-login)"`,
      ]);
      assert.deepEqual(await ownLogin(t, {}), [
        `warn claude: ANTHROPIC_AUTH_TOKEN is not set, and the relay asks for one of api_keys -> to point it at the relay, run: eval "$(cc-relay env claude --own-login)"`,
      ]);
    });

    it("nothing in the relay's key in place of the login: the other accounts are meant", async (t) => {
      assert.deepEqual(await ownLogin(t, { ANTHROPIC_AUTH_TOKEN: "relay-key-1" }), []);
    });
  });
});
