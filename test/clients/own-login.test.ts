// `env --own-login`: the client keeps its login, and the relay's key travels beside it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runEnv } from "../../src/cli/env.ts";
import { type Client, variablesFor } from "../../src/clients/variables.ts";
import { fakeAccount, fakeConfig, fakeContext } from "../cli/support.ts";
import { ownAccount } from "../support/own-logins.ts";

const ownAccounts = (["claude", "gemini", "openai"] as const).map((family) => ownAccount(family));

async function env(client: Client, { keys = true, variables = {}, accounts = ownAccounts } = {}) {
  const config = fakeConfig({
    keys: keys ? [{ name: "laptop", key: "relay-key" }] : [],
    accounts,
  });
  const context = fakeContext({ config, env: variables });
  await runEnv(context, {
    client,
    shell: "sh",
    unset: false,
    keyName: undefined,
    ownLogin: true,
    webSocket: true,
  });
  return { stdout: context.out.stdout.text(), stderr: context.out.stderr.text() };
}

describe("env --own-login", () => {
  it("gives Claude Code the address and, as a header of its own, the key", async () => {
    assert.deepEqual(await env("claude"), {
      stdout: `export ANTHROPIC_BASE_URL='http://127.0.0.1:3000'
export ANTHROPIC_CUSTOM_HEADERS='x-cc-relay-key: relay-key'
`,
      stderr: "",
    });
  });

  it("makes up no key where the relay asks for none", async () => {
    const { stdout } = await env("claude", { keys: false });
    assert.equal(stdout, "export ANTHROPIC_BASE_URL='http://127.0.0.1:3000'\n");
  });

  it("keeps the headers that the person has set, and has the key once", async () => {
    const variables = { ANTHROPIC_CUSTOM_HEADERS: "x-mine: 1\nX-CC-Relay-Key: old" };
    const { stdout } = await env("claude", { variables });
    assert.match(stdout, /ANTHROPIC_CUSTOM_HEADERS='x-mine: 1\nx-cc-relay-key: relay-key'/);
  });

  it("names what would take the login's place", async () => {
    const { stderr } = await env("claude", { variables: { ANTHROPIC_AUTH_TOKEN: "x" } });
    assert.match(stderr, /ANTHROPIC_AUTH_TOKEN is set: Claude Code uses it instead of its login/);
  });

  it("says that the login is not used where no account takes it", async () => {
    const notice =
      "! Claude Code: there is no account of type client for this API, so the client's own login is not used\n" +
      '  - add to config.toml: [[accounts]] with id = "own", type = "client" and family = "claude"\n';
    const keyed = { ...fakeAccount("claude"), family: "claude" as const };
    assert.equal((await env("claude", { keys: false, accounts: [keyed] })).stderr, notice);
    assert.equal((await env("claude", { accounts: [] })).stderr, notice);
    const disabled = ownAccount("claude", { enabled: false });
    assert.equal((await env("claude", { accounts: [disabled] })).stderr, notice);
    assert.equal((await env("claude", { keys: false, accounts: [] })).stderr, "");
    assert.equal((await env("claude")).stderr, "");
  });

  it("moves what a Google login of Gemini CLI asks", async () => {
    assert.equal(
      (await env("gemini")).stdout,
      `export GOOGLE_GENAI_USE_GCA='true'
export CODE_ASSIST_ENDPOINT='http://127.0.0.1:3000/gemini'
export GEMINI_CLI_CUSTOM_HEADERS='x-cc-relay-key:relay-key'
`,
    );
  });

  it("gives Codex a provider that sends its login and takes the key from the environment", async () => {
    const { stdout } = await env("codex");
    assert.match(stdout, /^export CC_RELAY_KEY='relay-key'$/m);
    assert.match(stdout, /^# requires_openai_auth = true$/m);
    assert.match(stdout, /^# supports_websockets = true$/m);
    assert.match(stdout, /^# env_http_headers = \{ "x-cc-relay-key" = "CC_RELAY_KEY" \}$/m);
    assert.ok(!stdout.includes("env_key"));
  });

  it("leads Codex's built-in provider to a relay that asks for no key", async () => {
    const { stdout } = await env("codex", { keys: false });
    assert.equal(
      stdout,
      `# Codex reads its provider from ~/.codex/config.toml:
#
# model_provider = "openai"
# openai_base_url = "http://127.0.0.1:3000/openai/v1"
`,
    );
  });

  it("has the variables removed for one run that switch the login off", () => {
    const access = { origin: "http://127.0.0.1:3000", key: undefined, ownLogin: true };
    assert.deepEqual(variablesFor("claude", access, {}).remove, [
      "ANTHROPIC_AUTH_TOKEN",
      "ANTHROPIC_API_KEY",
    ]);
  });
});
