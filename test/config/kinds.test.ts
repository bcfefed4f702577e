// What the configuration says of accounts of further kinds, of names, receivers and limits.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AccountConfig } from "../../src/config/config.ts";
import { read } from "./support.ts";

function account(rest: string): AccountConfig {
  return read(`[[accounts]]\nid = "a"\n${rest}\n`).accounts[0]!;
}

describe("accounts of further kinds", () => {
  test("the client's own login has a family and no secret, and goes to no address of its own", () => {
    const { family, credential, secret, apiUrl } = account('type = "client"\nfamily = "openai"');
    assert.deepEqual(
      { family, credential, secret, apiUrl },
      { family: "openai", credential: "client", secret: "", apiUrl: "https://api.openai.com/v1" },
    );
  });

  test("a setup token takes the place of a refresh token; its end is a date of TOML or a string", () => {
    const token = 'type = "claude-oauth"\nsetup_token = "S"\n';
    assert.equal(account(token).credential, "setup-token");
    assert.equal(account(token).secret, "S");
    assert.equal(account(token).secretExpiresAt, undefined);
    const end = Date.UTC(2027, 0, 31);
    for (const date of ["2027-01-31", '"2027-01-31"', "2027-01-31T01:00:00+01:00"]) {
      assert.equal(account(`${token}setup_token_expires = ${date}`).secretExpiresAt, end, date);
    }
  });

  test("a host that is known says how its key is sent, what it refuses, and that it is a last resort", () => {
    const host = account(
      'type = "claude-api"\napi_key = "K"\napi_url = "https://openrouter.ai/api/v1/messages"',
    );
    assert.equal(host.auth, "bearer");
    assert.equal(host.onlyWhenOut, true);
    assert.equal(host.apiUrl, "https://openrouter.ai/api");
    const kimi = account('type = "claude-api"\napi_key = "K"\napi_url = "https://api.moonshot.ai/anthropic"');
    assert.deepEqual(kimi.refuses, ["tool_reference"]);
    assert.equal(kimi.contextWindow, 200_000);
  });

  test("what is written counts before what is known of the host", () => {
    const host = account(
      'type = "claude-api"\napi_key = "K"\napi_url = "https://openrouter.ai/api"\nauth = "x-api-key"\nonly_when_out = false\nrefuses = []\ncontext_window = 9',
    );
    assert.equal(host.auth, "x-api-key");
    assert.equal(host.onlyWhenOut, false);
    assert.deepEqual(host.refuses, []);
    assert.equal(host.contextWindow, 9);
  });

  test("a mirror or a company's gateway stays what it was, but for one with a map of models", () => {
    const mirror = 'type = "claude-api"\napi_key = "K"\napi_url = "https://gateway.example"\n';
    assert.equal(account(mirror).onlyWhenOut, false);
    assert.equal(account(mirror).auth, undefined);
    const mapped = account(`${mirror}model_map = { "*haiku*" = "small", "*" = "large" }`);
    assert.equal(mapped.onlyWhenOut, true);
    assert.deepEqual(mapped.modelMap, [
      { pattern: "*haiku*", model: "small" },
      { pattern: "*", model: "large" },
    ]);
  });

  test("a host that wants no key needs none, and gets the one that is written", () => {
    const none = account('type = "claude-api"\nauth = "none"\napi_url = "http://127.0.0.1:8080"');
    assert.deepEqual([none.credential, none.secret], ["none", ""]);
    const ollama = 'type = "claude-api"\napi_url = "http://127.0.0.1:11434"\n';
    assert.equal(account(ollama).credential, "none");
    const keyed = account(`${ollama}api_key = "K"`);
    assert.deepEqual([keyed.credential, keyed.secret], ["api-key", "K"]);
  });

  for (const url of [
    "http://192.168.1.5:11434",
    "http://ollama:11434",
    "http://host.docker.internal:11434",
  ]) {
    test(`plain http to ${url} is taken where the account says so`, () => {
      const text = `type = "claude-api"\nauth = "none"\ninsecure_http = true\napi_url = "${url}"`;
      assert.equal(account(text).apiUrl, url);
    });
  }

  for (const [written, meant] of [
    ["https://api.z.ai/api/paas/v4", "https://api.z.ai/api/paas/v4"],
    ["https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1"],
    ["https://api.z.ai/api/paas/v4/chat/completions", "https://api.z.ai/api/paas/v4"],
    ["https://api.deepseek.com", "https://api.deepseek.com/v1"],
  ]) {
    test(`the address ${written} keeps its own version`, () => {
      assert.equal(account(`type = "openai-responses"\napi_key = "K"\napi_url = "${written}"`).apiUrl, meant);
    });
  }
});

describe("names, receivers and limits", () => {
  test("models are replaced in the order of the file", () => {
    assert.deepEqual(read('[models]\n"claude-*" = "claude-opus-5-5"\n"gpt-5" = ["a", "b"]').models, [
      { pattern: "claude-*", targets: ["claude-opus-5-5"] },
      { pattern: "gpt-5", targets: ["a", "b"] },
    ]);
    assert.deepEqual(read("").models, []);
  });

  test("a receiver gets every event unless it names its events", () => {
    const [all, some] = read(
      '[[notify]]\nwebhook = "https://h.example/x"\n[[notify]]\ncommand = ["say", "it"]\nevents = ["window"]\nafter_seconds = 0.5\nproxy = "socks5://u:p@127.0.0.1:1080"',
    ).notify;
    assert.equal(all?.events.length, 7);
    assert.deepEqual(all?.receiver, { kind: "webhook", url: "https://h.example/x" });
    assert.deepEqual(some, {
      receiver: { kind: "command", command: ["say", "it"] },
      events: ["window"],
      afterMs: 500,
      quietMs: 900_000,
      windowThreshold: 0.9,
      proxy: { type: "socks5", host: "127.0.0.1", port: 1080, username: "u", password: "p" },
    });
  });

  test("of two limits that contradict each other the one that is written counts", () => {
    const limits = (text: string) => {
      const { connectTimeoutMs, firstByteTimeoutMs } = read(`[upstream]\n${text}`).upstream;
      return [connectTimeoutMs, firstByteTimeoutMs];
    };
    assert.deepEqual(limits(""), [10_000, 300_000]);
    assert.deepEqual(limits("first_byte_timeout_seconds = 5"), [5000, 5000]);
    assert.deepEqual(limits("connect_timeout_seconds = 400"), [400_000, 400_000]);
    assert.deepEqual(
      limits("connect_timeout_seconds = 20\nfirst_byte_timeout_seconds = 20"),
      [20_000, 20_000],
    );
  });

  test("the page's place is decided by the address unless the file does", () => {
    assert.equal(read("").ui.enabled, undefined);
    assert.equal(read("[ui]\nenabled = false").ui.enabled, false);
  });

  test("exact origins are kept as they are written", () => {
    const origins = ["app://obsidian.md", "https://chat.example", "http://localhost:5173"];
    const text = `api_keys = ["K"]\n[server]\nallowed_origins = ${JSON.stringify(origins)}`;
    assert.deepEqual(read(text).server.allowedOrigins, origins);
  });
});
