// Credentials that are doubtful but possible: said at load, never a reason not to start, and never quoted.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { describeWarning } from "../../src/config/config.ts";
import { read } from "./support.ts";

const whole = `sk-ant-api03-${"a".repeat(93)}AA`;

function warnings(rest: string, env: Record<string, string> = {}): string[] {
  return read(`[[accounts]]\nid = "a"\n${rest}\n`, env).warnings.map(describeWarning);
}

describe("a credential of the wrong kind is warned of", () => {
  const cases: [title: string, text: string, warning: string][] = [
    [
      "a key for administration",
      'type = "claude-api"\napi_key = "sk-ant-admin01-abc"',
      "the api_key of account a is a key for the administration of an organisation, and no model answers it: make an ordinary key at platform.claude.com and give that",
    ],
    [
      "a key for administration at OpenAI",
      'type = "openai-responses"\napi_key = "sk-admin-abc"',
      "the api_key of account a is a key for the administration of an organisation, and no model answers it: make an ordinary key at platform.openai.com and give that",
    ],
    [
      "a setup token as a key",
      'type = "claude-api"\napi_key = "sk-ant-oat01-abc"',
      "the api_key of account a is a token of a Claude login (OAuth), not an API key: to give what `claude setup-token` printed, run: cc-relay login claude --setup-token",
    ],
    [
      "no key for a provider that needs one",
      'type = "claude-api"\nauth = "none"',
      'the account a sends no key (auth = "none") to api.anthropic.com: write the api_url of the host that needs none, or an api_key in place of auth',
    ],
    [
      "a variable that nobody replaces",
      `type = "openai-responses"\napi_key = "\${OPENAI_API_KEY}"`,
      'the api_key of account a is the name of a variable, which is not replaced by its value here: write api_key_env = "NAME" to take it from the environment',
    ],
    [
      "a variable in the place of a login",
      'type = "gemini"\nrefresh_token = "$TOKEN"',
      "the refresh_token of account a is the name of a variable, which is not replaced by its value here: write the token itself, or run: cc-relay login",
    ],
    [
      "a variable with a value for the case that it is not set",
      `type = "claude-api"\napi_key = "\${KEY:-none}"`,
      'the api_key of account a is the name of a variable, which is not replaced by its value here: write api_key_env = "NAME" to take it from the environment',
    ],
    [
      "a variable in another program's notation",
      'type = "claude-api"\napi_key = "{env:KEY}"',
      'the api_key of account a is the name of a variable, which is not replaced by its value here: write api_key_env = "NAME" to take it from the environment',
    ],
    [
      "an access token as a refresh token of Google",
      'type = "gemini"\nrefresh_token = "ya29.abc"',
      "the refresh_token of account a is a key or an access token, not a refresh token: run: cc-relay login gemini",
    ],
    [
      "half a key",
      'type = "claude-api"\napi_key = "sk-ant-api03-abcdefgh"',
      "the api_key of account a is shorter than such keys are: copy the whole key, from its beginning to its end",
    ],
    [
      "half a refresh token",
      'type = "claude-oauth"\nrefresh_token = "sk-ant-ort01-abcdefgh"',
      "the refresh_token of account a is shorter than such tokens are: copy the whole token, from its beginning to its end",
    ],
    [
      "half a refresh token of Google",
      'type = "gemini"\nrefresh_token = "1//0gabcdefgh"',
      "the refresh_token of account a is shorter than such tokens are: copy the whole token, from its beginning to its end",
    ],
    [
      "half a setup token",
      'type = "claude-oauth"\nsetup_token = "sk-ant-oat01-abcdefgh"',
      "the setup_token of account a is shorter than such tokens are: copy the whole token, from its beginning to its end",
    ],
    [
      "a key as a web page shows it",
      'type = "claude-api"\napi_key = "sk-ant-api03-abc...xyz"',
      "the api_key of account a is a shortened key as web pages show it: copy the whole one, or make a new one",
    ],
    [
      "another provider's key",
      'type = "openai-responses"\napi_key = "sk-ant-api03-abc"',
      "the api_key of account a is a key for Claude, and this account is for OpenAI: to add it there, run: cc-relay login claude --api-key",
    ],
    [
      "an access token as a refresh token",
      'type = "claude-oauth"\nrefresh_token = "sk-ant-oat01-abc"',
      "the refresh_token of account a is no refresh token: Claude's begin with sk-ant-ort: write setup_token if `claude setup-token` printed it, or run: cc-relay login claude",
    ],
    [
      "a refresh token as a setup token",
      'type = "claude-oauth"\nsetup_token = "sk-ant-ort01-abc"',
      "the setup_token of account a is no setup token: give what `claude setup-token` prints: it begins with sk-ant-oat01-",
    ],
  ];
  for (const [title, text, warning] of cases) {
    test(title, () => {
      assert.deepEqual(warnings(text), [warning]);
    });
  }

  test("one that comes from a variable", () => {
    assert.equal(
      warnings('type = "claude-api"\napi_key_env = "MINE"', { MINE: "sk-ant-admin01-x" }).length,
      1,
    );
  });
});

test("what is whole, of a form that nobody knows, or another host's is not", () => {
  assert.deepEqual(warnings(`type = "claude-api"\napi_key = "${whole}"`), []);
  assert.deepEqual(warnings('type = "claude-api"\napi_key = "KEY"'), []);
  assert.deepEqual(warnings('type = "claude-api"\napi_key = "sk-proj-x"\napi_url = "https://gw.example"'), [
    "the api_key of account a is shorter than such keys are: copy the whole key, from its beginning to its end",
  ]);
  assert.deepEqual(warnings('type = "claude-api"\napi_key = "glm.key"\napi_url = "https://gw.example"'), []);
});

const account = (id: string, rest: string) => `[[accounts]]\nid = "${id}"\n${rest}\n`;

describe("one credential in two accounts is", () => {
  const cases: [title: string, first: string, second: string][] = [
    ["as written", 'type = "claude-api"\napi_key = "KEY"', 'type = "claude-api"\napi_key = "KEY"'],
    [
      "from one variable",
      'type = "claude-api"\napi_key_env = "MINE"',
      'type = "claude-api"\napi_key_env = "MINE"',
    ],
    [
      "from two variables of one value",
      'type = "claude-api"\napi_key_env = "MINE"',
      'type = "claude-api"\napi_key_env = "SAME"',
    ],
    [
      "written in one and from a variable in the other",
      'type = "claude-api"\napi_key = "KEY"',
      'type = "claude-api"\napi_key_env = "MINE"',
    ],
  ];
  const env = { MINE: "KEY", SAME: " KEY\n" };
  for (const [title, first, second] of cases) {
    test(title, () => {
      assert.deepEqual(read(account("a", first) + account("b", second), env).warnings.map(describeWarning), [
        "the accounts a and b have the same api_key, and what limits one limits the other: remove one of them",
      ]);
    });
  }
});

test("the client's own login in two accounts is warned of, too", () => {
  const own = 'type = "client"\nfamily = "claude"';
  assert.deepEqual(read(account("a", own) + account("b", own)).warnings.map(describeWarning), [
    "the accounts a and b have the same login, the client's own, and what limits one limits the other: remove one of them",
  ]);
});

test("one key in accounts of two providers is not, nor are accounts without a key", () => {
  const two =
    account("a", 'type = "claude-api"\napi_key = "KEY"') +
    account("b", 'type = "gemini-api"\napi_key = "KEY"') +
    account("c", 'type = "claude-api"\nauth = "none"\napi_url = "http://127.0.0.1:1"') +
    account("d", 'type = "claude-api"\nauth = "none"\napi_url = "http://127.0.0.1:2"') +
    account("e", 'type = "client"\nfamily = "claude"') +
    account("f", 'type = "client"\nfamily = "gemini"');
  assert.deepEqual(read(two).warnings, []);
});
