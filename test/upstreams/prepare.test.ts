import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Credential } from "../../src/account-kinds/credential.ts";
import type { Call, Operation } from "../../src/domain/call.ts";
import type { AccountType } from "../../src/domain/family.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { splitUrl } from "../../src/upstreams/request.ts";
import { geminiCall, makeCall, openaiCall } from "./make-call.ts";

const key: Credential = { kind: "api-key", key: "the-key" };
const token: Credential = { kind: "bearer", token: "the-token" };
const client: Credential = { kind: "client" };

const types: AccountType[] = ["claude-api", "claude-oauth", "gemini-api", "gemini", "openai-responses"];

it("every kind of account is called by its type", () => {
  for (const [type, kind] of Object.entries(accountKinds)) assert.equal(kind.type, type);
});

describe("the address of a request", () => {
  const rows: [AccountType, string, Call, string, string][] = [
    [
      "claude-api",
      "https://api.anthropic.com",
      makeCall({ query: "?beta=true" }),
      "https://api.anthropic.com",
      "/v1/messages?beta=true",
    ],
    ["claude-api", "http://127.0.0.1:9/prefix", makeCall(), "http://127.0.0.1:9", "/prefix/v1/messages"],
    ["claude-api", "http://127.0.0.1:9/prefix/", makeCall(), "http://127.0.0.1:9", "/prefix/v1/messages"],
    ["claude-oauth", "https://h.example/v1", makeCall(), "https://h.example", "/v1/messages"],
    ["claude-oauth", "https://h.example/a/v1/messages", makeCall(), "https://h.example", "/a/v1/messages"],
    [
      "openai-responses",
      "https://api.openai.com/v1",
      openaiCall(),
      "https://api.openai.com",
      "/v1/responses",
    ],
    ["openai-responses", "http://[::1]:8080/x/v1", openaiCall(), "http://[::1]:8080", "/x/v1/responses"],
    [
      "openai-responses",
      "https://h.example",
      openaiCall({ path: "/v1/responses/resp_1", query: "?stream=true" }),
      "https://h.example",
      "/v1/responses/resp_1?stream=true",
    ],
    [
      "gemini-api",
      "https://generativelanguage.googleapis.com",
      geminiCall({ path: "/v1/models/tuned%3Aa:generateContent", query: "?$alt=sse&prettyPrint=false" }),
      "https://generativelanguage.googleapis.com",
      "/v1/models/tuned%3Aa:generateContent?$alt=sse&prettyPrint=false",
    ],
    [
      "gemini-api",
      "http://127.0.0.1:9/g/v1beta",
      geminiCall(),
      "http://127.0.0.1:9",
      "/g/v1beta/models/gemini-2.5-pro:generateContent",
    ],
    [
      "gemini",
      "http://127.0.0.1:9/prefix",
      geminiCall({ path: "/v1internal:loadCodeAssist", query: "?a=b", operation: "code-assist" }),
      "http://127.0.0.1:9",
      "/prefix/v1internal:loadCodeAssist?a=b",
    ],
    [
      "gemini",
      "http://127.0.0.1:9/prefix",
      geminiCall({ query: "?key=x" }),
      "http://127.0.0.1:9",
      "/prefix/v1internal:generateContent",
    ],
  ];
  for (const [type, apiUrl, call, origin, path] of rows) {
    it(`${apiUrl} and ${call.path}${call.query} make ${origin}${path}`, () => {
      const request = accountKinds[type].upstream.prepare(call, { apiUrl, credential: key });
      assert.equal(request.origin, origin);
      assert.equal(request.path, path);
      assert.equal(request.method, call.method);
    });
  }

  it("keeps a prefix that only looks like a version", () => {
    assert.deepEqual(splitUrl("https://h.example/v11"), { origin: "https://h.example", prefix: "/v11" });
    assert.deepEqual(splitUrl("https://h.example/v1/x"), { origin: "https://h.example", prefix: "/v1/x" });
    assert.deepEqual(splitUrl("https://h.example//"), { origin: "https://h.example", prefix: "" });
  });
});

describe("the headers of a request", () => {
  const own = [
    "User-Agent",
    "claude-cli/2.1",
    "X-App",
    "cli",
    "anthropic-version",
    "2026-10-21",
    "X-Twice",
    "1",
    "x-twice",
    "2",
  ];
  const rows: [AccountType, Credential, string[]][] = [
    ["claude-api", key, ["x-api-key", "the-key"]],
    [
      "claude-oauth",
      token,
      [
        "anthropic-beta",
        "oauth-2025-04-20",
        "accept-encoding",
        "identity",
        "authorization",
        "Bearer the-token",
      ],
    ],
    ["gemini-api", key, ["x-goog-api-key", "the-key"]],
    ["openai-responses", key, ["authorization", "Bearer the-key"]],
  ];
  for (const [type, credential, expected] of rows) {
    it(`of ${type} are the client's, in order and case, with the credential and no coding`, () => {
      const call = makeCall({ headers: own, clientCredential: ["X-Api-Key", "of-the-client"] });
      const request = accountKinds[type].upstream.prepare(call, { apiUrl: "https://h.example", credential });
      const added = expected.includes("accept-encoding")
        ? expected
        : ["accept-encoding", "identity", ...expected];
      assert.deepEqual(request.headers, [...own, ...added]);
    });
  }

  for (const type of types) {
    it(`of ${type} in pass-through have the client's own credential as it came`, () => {
      const clientCredential = ["Authorization", "Bearer  of-the-client", "X-Api-Key", "too"];
      const call = makeCall({
        path: "/v1internal:x",
        headers: own,
        clientCredential,
        acceptEncoding: "gzip, br",
      });
      const request = accountKinds[type].upstream.prepare(call, {
        apiUrl: "https://h.example",
        credential: client,
      });
      assert.deepEqual(request.headers, [...own, "accept-encoding", "gzip, br", ...clientCredential]);
    });
  }

  it("ask for exactly the codings that the client listed", () => {
    for (const [type, call] of [
      ["claude-api", makeCall()],
      ["gemini-api", geminiCall()],
      ["openai-responses", openaiCall()],
      ["gemini", geminiCall({ path: "/v1internal:generateContent" })],
    ] as const) {
      for (const acceptEncoding of ["gzip, deflate, br, zstd", "gzip;q=0.5, *;q=0", ""]) {
        const { headers } = accountKinds[type].upstream.prepare(
          { ...call, acceptEncoding },
          { apiUrl: "https://h.example", credential: key },
        );
        assert.equal(headers[headers.indexOf("accept-encoding") + 1], acceptEncoding);
      }
    }
  });
});

describe("the beta flag that a login's token needs", () => {
  const flag = "oauth-2025-04-20";
  const rows: [string, string[], string[]][] = [
    ["is appended to the client's list", ["anthropic-beta", "a,b"], ["anthropic-beta", `a,b,${flag}`]],
    ["keeps the client's case and spacing", ["Anthropic-Beta", "a, b"], ["Anthropic-Beta", `a, b,${flag}`]],
    ["is not added twice", ["anthropic-beta", `a, ${flag} ,b`], ["anthropic-beta", `a, ${flag} ,b`]],
    [
      "is added to the last of several headers",
      ["anthropic-beta", "a", "x", "y", "anthropic-beta", "b"],
      ["anthropic-beta", "a", "x", "y", "anthropic-beta", `b,${flag}`],
    ],
    [
      "is not added when an earlier header has it",
      ["anthropic-beta", flag, "anthropic-beta", "b"],
      ["anthropic-beta", flag, "anthropic-beta", "b"],
    ],
    ["fills an empty header", ["anthropic-beta", ""], ["anthropic-beta", flag]],
    ["is no part of another flag", ["anthropic-beta", `${flag}-x`], ["anthropic-beta", `${flag}-x,${flag}`]],
    ["gets a header of its own", ["x", "y"], ["x", "y", "anthropic-beta", flag]],
  ];
  for (const [title, headers, expected] of rows) {
    it(title, () => {
      const given = [...headers];
      const request = accountKinds["claude-oauth"].upstream.prepare(makeCall({ headers: given }), {
        apiUrl: "https://h.example",
        credential: token,
      });
      assert.deepEqual(request.headers, [
        ...expected,
        "accept-encoding",
        "identity",
        "authorization",
        "Bearer the-token",
      ]);
      assert.deepEqual(given, headers);
    });
  }

  it("is nothing for API keys and pass-through", () => {
    for (const [type, credential] of [
      ["claude-api", key],
      ["claude-oauth", client],
    ] as const) {
      const call = makeCall({ headers: ["anthropic-beta", "a"] });
      const { headers } = accountKinds[type].upstream.prepare(call, {
        apiUrl: "https://h.example",
        credential,
      });
      assert.equal(headers[1], "a");
      assert.ok(!headers.includes(flag));
    }
  });
});

it("the body goes out byte for byte, still in its coding", () => {
  const body = Buffer.from(
    '{ "model":"x" , "n":1e0,"s":"\\u00e9", "model":"y","big":12345678901234567890}\n',
  );
  const coded = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 1, 2, 3]);
  for (const [type, call] of [
    ["claude-api", makeCall()],
    ["claude-oauth", makeCall()],
    ["gemini-api", geminiCall()],
    ["openai-responses", openaiCall()],
  ] as const) {
    for (const bytes of [body, coded, undefined]) {
      const request = accountKinds[type].upstream.prepare(
        { ...call, body: bytes },
        { apiUrl: "https://h.example", credential: key },
      );
      assert.equal(request.body, bytes);
    }
  }
});

describe("what each kind of account supports", () => {
  const operations: Operation[] = [
    "generate",
    "count-tokens",
    "embed",
    "compact",
    "list-models",
    "get-model",
    "code-assist",
    "stored",
  ];
  const rows: [AccountType, (parts: Partial<Call>) => Call, Operation[]][] = [
    ["claude-api", makeCall, ["generate", "count-tokens", "list-models", "get-model"]],
    ["claude-oauth", makeCall, ["generate", "count-tokens", "list-models", "get-model"]],
    ["gemini-api", geminiCall, ["generate", "count-tokens", "embed", "list-models", "get-model"]],
    ["gemini", geminiCall, ["generate", "count-tokens"]],
    [
      "openai-responses",
      openaiCall,
      ["generate", "count-tokens", "compact", "list-models", "get-model", "stored"],
    ],
  ];
  for (const [type, make, expected] of rows) {
    it(`${type}: ${expected.join(", ")}`, () => {
      const upstream = accountKinds[type].upstream;
      assert.deepEqual(
        operations.filter((operation) => upstream.supports(make({ operation }))),
        expected,
      );
    });
  }

  it("no account serves another family's call", () => {
    for (const type of types) {
      const served = [makeCall(), geminiCall(), openaiCall()].filter((call) =>
        accountKinds[type].upstream.supports(call),
      );
      assert.equal(served.length, 1);
    }
  });

  it("Code Assist serves all of v1internal, which no API key opens", () => {
    for (const [path, operation] of [
      ["/v1internal:generateContent", "generate"],
      ["/v1internal:countTokens", "count-tokens"],
      ["/v1internal:loadCodeAssist", "code-assist"],
      ["/v1internal/operations/1", "code-assist"],
    ] as const) {
      assert.equal(accountKinds.gemini.upstream.supports(geminiCall({ path, operation })), true);
      assert.equal(accountKinds["gemini-api"].upstream.supports(geminiCall({ path, operation })), false);
    }
  });

  it("Code Assist has neither files nor calls that it knows no counterpart of", () => {
    const file = geminiCall({ binding: { kind: "file", id: "files/1" } });
    assert.equal(accountKinds.gemini.upstream.supports(file), false);
    assert.equal(accountKinds["gemini-api"].upstream.supports(file), true);
    const other = geminiCall({ path: "/v1beta/models/m:predict" });
    assert.equal(accountKinds.gemini.upstream.supports(other), false);
  });
});

describe("headers that speak of the account's own limits", () => {
  const rows: [AccountType, string[], string[]][] = [
    [
      "claude-api",
      [
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-unified-5h-reset",
        "anthropic-priority-input-tokens-limit",
      ],
      [
        "anthropic-organization-id",
        "request-id",
        "retry-after",
        "x-should-retry",
        "x-ratelimit-limit-requests",
      ],
    ],
    [
      "openai-responses",
      [
        "x-codex-primary-used-percent",
        "x-codex-secondary-reset-at",
        "x-codex-primary-reset-after-seconds",
        "x-codex-credits-balance",
        "x-codex-active-limit",
        "x-codex-bengalfox-primary-used-percent",
        "x-bengalfox-secondary-window-minutes",
        "x-bengalfox-limit-name",
      ],
      [
        "x-codex-turn-state",
        "x-codex-promo-message",
        "x-ratelimit-limit-requests",
        "x-request-id",
        "retry-after",
        "x-models-etag",
      ],
    ],
    [
      "gemini-api",
      [],
      ["anthropic-ratelimit-requests-limit", "x-codex-primary-used-percent", "server-timing"],
    ],
    ["gemini", [], ["server-timing"]],
  ];
  for (const [type, own, others] of rows) {
    it(`of ${type}`, () => {
      const upstream = accountKinds[type].upstream;
      assert.deepEqual(
        [...own, ...others].filter((name) => upstream.isAccountHeader(name)),
        own,
      );
    });
  }
});
