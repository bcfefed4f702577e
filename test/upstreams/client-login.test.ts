import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import type { Call } from "../../src/domain/call.ts";
import { providerOf } from "../../src/upstreams/client.ts";
import { makerOf, ownCredential, readClientLogin } from "../../src/upstreams/client-login.ts";
import { chatGptToken } from "../support/own-logins.ts";
import { makeCall } from "./make-call.ts";

const jwt = chatGptToken("one");
const account = ["chatgpt-account-id", "acct-1"];
const oat = "sk-ant-oat01-AAAA";

function call(family: Call["family"], clientCredential: string[], more: Partial<Call> = {}): Call {
  const path = {
    claude: "/v1/messages",
    openai: "/v1/responses",
    gemini: "/v1beta/models/m:generateContent",
  };
  return makeCall({ family, dialect: family, path: path[family], clientCredential, ...more });
}

describe("a client's own credential", () => {
  const rows: [string, Call, { provider: string; kind: string; headers: string[]; identity?: string }][] = [
    [
      "of a Claude login",
      call("claude", ["Authorization", `Bearer ${oat}`]),
      { provider: "claude", kind: "login", headers: ["Authorization", `Bearer ${oat}`], identity: oat },
    ],
    [
      "of a Claude login beside another program's key, which stays here",
      call("claude", ["x-api-key", "sk-other", "authorization", `bearer ${oat}`, "x-goog-api-key", "AIzaX"]),
      { provider: "claude", kind: "login", headers: ["authorization", `bearer ${oat}`] },
    ],
    [
      "of a Claude key",
      call("claude", ["X-Api-Key", "sk-ant-api03-A"]),
      { provider: "claude", kind: "key", headers: ["X-Api-Key", "sk-ant-api03-A"] },
    ],
    [
      "of a ChatGPT login, known by its account",
      call("openai", ["openai-organization", "org", "Authorization", `Bearer ${jwt}`, ...account]),
      {
        provider: "chatgpt",
        kind: "login",
        headers: ["Authorization", `Bearer ${jwt}`, ...account],
        identity: "acct-1",
      },
    ],
    [
      "of an OpenAI key, with its organisation",
      call("openai", ["Authorization", "Bearer sk-proj-A", "OpenAI-Organization", "org", ...account]),
      {
        provider: "openai",
        kind: "key",
        headers: ["Authorization", "Bearer sk-proj-A", "OpenAI-Organization", "org"],
      },
    ],
    [
      "of a Google login, for Code Assist",
      call("gemini", ["Authorization", "Bearer ya29.A"], { path: "/v1internal:generateContent" }),
      { provider: "codeAssist", kind: "login", headers: ["Authorization", "Bearer ya29.A"] },
    ],
    [
      "of a Google login, for the Gemini API",
      call("gemini", ["Authorization", "Bearer ya29.A"]),
      { provider: "gemini", kind: "login", headers: ["Authorization", "Bearer ya29.A"] },
    ],
    [
      "of a Gemini key",
      call("gemini", ["x-goog-api-key", "AIzaA"]),
      { provider: "gemini", kind: "key", headers: ["x-goog-api-key", "AIzaA"] },
    ],
  ];
  for (const [name, of, expected] of rows) {
    it(`${name}, is recognised, and nothing goes with it that is another's`, () => {
      const login = readClientLogin(of);
      const { provider, kind, headers, identity } = expected;
      assert.deepEqual(
        { provider: login?.provider, kind: login?.kind, headers: login?.headers },
        { provider, kind, headers },
      );
      if (identity !== undefined) assert.equal(login?.identity, identity);
      assert.equal(providerOf(of), provider);
    });
  }

  const none: [string, Call][] = [
    ["a refresh token", call("claude", ["Authorization", "Bearer sk-ant-ort01-A"])],
    ["a login's token where keys belong", call("claude", ["x-api-key", oat])],
    ["a Claude login at OpenAI's API", call("openai", ["Authorization", `Bearer ${oat}`])],
    ["a ChatGPT login at Claude's API", call("claude", ["Authorization", `Bearer ${jwt}`, ...account])],
    ["a ChatGPT login without its account", call("openai", ["Authorization", `Bearer ${jwt}`])],
    [
      "a ChatGPT login on Chat Completions",
      call("openai", ["Authorization", `Bearer ${jwt}`, ...account], {
        dialect: "chat",
        path: "/v1/chat/completions",
      }),
    ],
    ["a Gemini key at Code Assist", call("gemini", ["x-goog-api-key", "AIzaA"], { path: "/v1internal:x" })],
    ["OpenRouter's key at OpenAI's API", call("openai", ["Authorization", "Bearer sk-or-v1-A"])],
    ["a word", call("claude", ["x-api-key", "dummy", "Authorization", "Bearer dummy"])],
    ["nothing", call("claude", [])],
  ];
  for (const [name, of] of none) {
    it(`is not ${name}`, () => assert.equal(readClientLogin(of), undefined));
  }

  it("of a Gemini key in the query goes along there, and only there", () => {
    const of = call("gemini", [], { query: "?alt=sse", clientQuery: "?key=AIzaA&alt=sse" });
    const { headers, query, identity } = readClientLogin(of)!;
    assert.deepEqual(
      { headers, query, identity },
      { headers: [], query: "?key=AIzaA&alt=sse", identity: "AIzaA" },
    );
  });
});

describe("what goes along in pass-through", () => {
  it("is a token of unknown form, for a gateway of the user's own", () => {
    const of = call("claude", ["Authorization", "Bearer of-a-gateway", "X-Api-Key", "sk-1234"]);
    assert.deepEqual(ownCredential(of).headers, of.clientCredential);
  });

  it("is nothing that another provider has made", () => {
    const foreign = ["x-api-key", "AIzaA", "Authorization", `Bearer ${jwt}`, "x-goog-api-key", "ya29.A"];
    assert.deepEqual(ownCredential(call("claude", foreign)).headers, []);
    const inQuery = call("claude", [], { query: "?beta=true", clientQuery: "?beta=true&key=AIzaA" });
    assert.equal(ownCredential(inQuery).query, "?beta=true");
    assert.deepEqual(ownCredential(call("openai", ["Authorization", `Bearer ${oat}`])).headers, []);
    const ofOpenai = ["x-api-key", "sk-proj-A", "chatgpt-account-id", "a", "OpenAI-Organization", "o"];
    assert.deepEqual(ownCredential(call("claude", ofOpenai)).headers, []);
    const company = ["Authorization", "Bearer sk-1234", "openai-project", "p"];
    assert.deepEqual(ownCredential(call("openai", company)).headers, company);
    assert.equal(
      ownCredential(call("gemini", [], { query: "", clientQuery: "?key=AIzaA&key=AIzaB" })).query,
      "?key=AIzaA&key=AIzaB",
    );
  });
});

test("whose a credential is shows in its form, and a bare sk- is anybody's", () => {
  for (const [value, maker] of [
    [`Bearer ${oat}`, "claude"],
    ["sk-ant-api03-A", "claude"],
    ["ya29.A", "gemini"],
    ["AIzaA", "gemini"],
    ["sk-proj-A", "openai"],
    [`bearer ${jwt}`, "openai"],
    ["sk-1234", undefined],
    ["Bearer eyJhIjoxfQ.eyJpc3MiOiJodHRwczovL2dhdGV3YXkuZXhhbXBsZSJ9.c2ln", undefined],
  ] as const) {
    assert.equal(makerOf(value), maker, value);
  }
});
