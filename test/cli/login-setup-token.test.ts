import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { claudeKey } from "./login-accounts.ts";
import { createLoginPlace, type LoginPlace, terminal } from "./login-support.ts";

let place: LoginPlace;
afterEach(() => place.close());

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

  it("that is not in the pipe is what is missing, not a key", async () => {
    place = await createLoginPlace("");
    const { stderr, code } = await place.login("claude --setup-token --yes", { stdin: [] });
    assert.equal(code, 2);
    assert.match(
      stderr,
      /✗ standard input holds no setup token\n {2}- pipe one in: .* --setup-token --yes\n$/,
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
