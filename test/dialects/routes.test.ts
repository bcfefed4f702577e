import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allowedMethods,
  baseUrlHint,
  dialects,
  matchRoute,
  nearestDialect,
} from "../../src/dialects/registry.ts";

/** method, path as the client writes it, dialect, operation, path at the provider, model in the path */
const routes: [string, string, string, string, string, string?][] = [
  ["POST", "/v1/messages", "claude", "generate", "/v1/messages"],
  ["POST", "/api/v1/messages", "claude", "generate", "/v1/messages"],
  ["POST", "/claude/v1/messages", "claude", "generate", "/v1/messages"],
  ["POST", "//v1/messages", "claude", "generate", "/v1/messages"],
  ["POST", "/claude//v1/messages", "claude", "generate", "/v1/messages"],
  ["POST", "/v1/messages/count_tokens", "claude", "count-tokens", "/v1/messages/count_tokens"],
  ["POST", "/api/v1/messages/count_tokens", "claude", "count-tokens", "/v1/messages/count_tokens"],
  ["POST", "/claude/v1/messages/count_tokens", "claude", "count-tokens", "/v1/messages/count_tokens"],
  ["GET", "/v1/models", "claude", "list-models", "/v1/models"],
  ["GET", "/api/v1/models", "claude", "list-models", "/v1/models"],
  ["GET", "/claude/v1/models", "claude", "list-models", "/v1/models"],
  [
    "GET",
    "/v1/models/claude-opus-5-5",
    "claude",
    "get-model",
    "/v1/models/claude-opus-5-5",
    "claude-opus-5-5",
  ],
  ["GET", "/claude/v1/models/a%2Fb", "claude", "get-model", "/v1/models/a%2Fb", "a/b"],

  ["POST", "/v1/responses", "openai", "generate", "/v1/responses"],
  ["POST", "/openai/v1/responses", "openai", "generate", "/v1/responses"],
  ["POST", "/openai//v1//responses", "openai", "generate", "/v1/responses"],
  ["POST", "/v1/responses/compact", "openai", "compact", "/v1/responses/compact"],
  ["POST", "/openai/v1/responses/compact", "openai", "compact", "/v1/responses/compact"],
  ["POST", "/v1/responses/input_tokens", "openai", "count-tokens", "/v1/responses/input_tokens"],
  ["POST", "/openai/v1/responses/input_tokens", "openai", "count-tokens", "/v1/responses/input_tokens"],
  ["GET", "/v1/responses/resp_1", "openai", "stored", "/v1/responses/resp_1"],
  ["DELETE", "/openai/v1/responses/resp_1", "openai", "stored", "/v1/responses/resp_1"],
  ["POST", "/v1/responses/resp_1/cancel", "openai", "stored", "/v1/responses/resp_1/cancel"],
  ["GET", "/openai/v1/responses/resp_1/input_items", "openai", "stored", "/v1/responses/resp_1/input_items"],
  ["GET", "/openai/v1/models", "openai", "list-models", "/v1/models"],
  ["GET", "/openai/v1/models/gpt-5", "openai", "get-model", "/v1/models/gpt-5", "gpt-5"],

  ...[
    "generateContent",
    "streamGenerateContent",
    "countTokens",
    "embedContent",
    "batchEmbedContents",
  ].flatMap((action) =>
    [
      ["/gemini/v1", "/v1"],
      ["/gemini/v1beta", "/v1beta"],
      ["/gemini/v1alpha", "/v1alpha"],
      ["/v1beta", "/v1beta"],
      ["/v1alpha", "/v1alpha"],
      ["/v1", "/v1"],
      ["/gemini//v1beta", "/v1beta"],
      ["//v1beta", "/v1beta"],
    ].map(([before, after]): [string, string, string, string, string, string] => [
      "POST",
      `${before}/models/gemini-2.5-pro:${action}`,
      "gemini",
      action.includes("mbed") ? "embed" : action === "countTokens" ? "count-tokens" : "generate",
      `${after}/models/gemini-2.5-pro:${action}`,
      "gemini-2.5-pro",
    ]),
  ),
  [
    "POST",
    "/v1beta/models/tuned:abc:generateContent",
    "gemini",
    "generate",
    "/v1beta/models/tuned:abc:generateContent",
    "tuned:abc",
  ],
  [
    "POST",
    "/v1beta/tunedModels/mine-1:generateContent",
    "gemini",
    "generate",
    "/v1beta/tunedModels/mine-1:generateContent",
    "tunedModels/mine-1",
  ],
  [
    "POST",
    "/v1beta/models/a%2Fb:countTokens",
    "gemini",
    "count-tokens",
    "/v1beta/models/a%2Fb:countTokens",
    "a/b",
  ],
  ["GET", "/v1/models/llama:free", "claude", "get-model", "/v1/models/llama:free", "llama:free"],
  ["GET", "/v1alpha/models/m:free", "gemini", "get-model", "/v1alpha/models/m:free", "m:free"],
  [
    "POST",
    "/v1beta/models/m%3AgenerateContent",
    "gemini",
    "generate",
    "/v1beta/models/m:generateContent",
    "m",
  ],
  ["GET", "/gemini/v1alpha/models", "gemini", "list-models", "/v1alpha/models"],
  ["GET", "/v1alpha/models", "gemini", "list-models", "/v1alpha/models"],
  ["GET", "/gemini/v1/models", "gemini", "list-models", "/v1/models"],
  ["GET", "/gemini/v1beta/models", "gemini", "list-models", "/v1beta/models"],
  ["GET", "/v1beta/models", "gemini", "list-models", "/v1beta/models"],
  ["GET", "/gemini/v1/models/gemini-4", "gemini", "get-model", "/v1/models/gemini-4", "gemini-4"],
  ["GET", "/v1beta/models/gemini-4", "gemini", "get-model", "/v1beta/models/gemini-4", "gemini-4"],
  ["POST", "/v1internal:generateContent", "gemini", "generate", "/v1internal:generateContent"],
  [
    "POST",
    "/gemini/v1internal:streamGenerateContent",
    "gemini",
    "generate",
    "/v1internal:streamGenerateContent",
  ],
  ["POST", "/gemini/v1internal:countTokens", "gemini", "count-tokens", "/v1internal:countTokens"],
  ["POST", "/v1internal:loadCodeAssist", "gemini", "code-assist", "/v1internal:loadCodeAssist"],
  ["POST", "/gemini//v1internal:retrieveUserQuota", "gemini", "code-assist", "/v1internal:retrieveUserQuota"],
  [
    "GET",
    "/v1internal:getCodeAssistGlobalUserSetting",
    "gemini",
    "code-assist",
    "/v1internal:getCodeAssistGlobalUserSetting",
  ],
  ["GET", "/gemini/v1internal/operations/x", "gemini", "code-assist", "/v1internal/operations/x"],
];

test("every route and alias leads to its dialect, operation and path at the provider", () => {
  for (const [method, path, dialect, operation, inner, model] of routes) {
    const found = matchRoute(method, path);
    assert.deepEqual(
      found?.route,
      { dialect, operation, path: inner, ...(dialect === "chat" ? {} : { model }) },
      `${method} ${path} gave ${JSON.stringify(found?.route)}`,
    );
    assert.equal(found?.dialect.name, dialect);
  }
});

test("no path belongs to two dialects", () => {
  for (const [method, path] of routes) {
    const owners = dialects.filter((dialect) => dialect.match(method, path) !== undefined);
    assert.equal(owners.length, 1, `${method} ${path}`);
  }
});

test("paths that only look like routes are not routes", () => {
  const paths = [
    ["POST", "/"],
    ["POST", "/messages"],
    ["POST", "/v1/messages/"],
    ["POST", "/v1/messages/batches"],
    ["POST", "/V1/MESSAGES"],
    ["POST", "/openai/v1/messages"],
    ["POST", "/gemini/v1/messages"],
    ["POST", "/api/v1/responses"],
    ["GET", "/v1/models/a/b"],
    ["GET", "/v1/models/gemini-2.5-pro:generateContent"],
    ["POST", "/v1beta/models/m:predict"],
    ["POST", "/v1beta/models/m"],
    ["POST", "/v1beta/models/:generateContent"],
    ["POST", "/v1beta/models/a/b:generateContent"],
    ["POST", "/v1beta/files"],
    ["POST", "/v1internal:"],
    ["POST", "/v1internal:a/b"],
    ["POST", "/v1internal"],
    ["GET", "/v1/responses/compact"],
    ["POST", "/v1/responses/resp_1"],
    ["GET", "/v1/responses/resp_1/other"],
    ["POST", "/openai/responses"],
    ["DELETE", "/v1/messages"],
  ] as const;
  for (const [method, path] of paths) assert.equal(matchRoute(method, path), undefined, `${method} ${path}`);
});

test("a known path with another method is known, and says which methods it has", () => {
  const table: [string, string, string[]][] = [
    ["/v1/messages", "claude", ["POST"]],
    ["/claude/v1/models", "claude", ["GET"]],
    ["/v1/responses", "openai", ["POST"]],
    ["/v1/chat/completions", "chat", ["POST"]],
    ["/v1/responses/compact", "openai", ["POST"]],
    ["/v1/responses/resp_1", "openai", ["GET", "DELETE"]],
    ["/gemini/v1/models/m:generateContent", "gemini", ["POST"]],
    ["/v1internal:loadCodeAssist", "gemini", ["GET", "POST"]],
  ];
  for (const [path, dialect, methods] of table) {
    assert.deepEqual(
      dialects.filter((each) => each.knows(path)).map((each) => each.name),
      [dialect],
      path,
    );
    assert.deepEqual(allowedMethods(path), methods, path);
  }
  assert.deepEqual(allowedMethods("/nothing"), []);
  for (const path of ["/gemini/v1beta/models/imagen-4:predict", "/v1/models/veo%3ApredictLongRunning"])
    assert.deepEqual(allowedMethods(path), [], `${path} names a method that the relay does not have`);
});

test("an unknown path is answered in the form of the nearest API", () => {
  const table: [string, string][] = [
    ["/", "claude"],
    ["/messages", "claude"],
    ["/v1/v1/messages", "claude"],
    ["/claude/nothing", "claude"],
    ["/v1/messages/batches", "claude"],
    ["/responses", "openai"],
    ["/chat/completions", "chat"],
    ["/openai/chat/completions", "chat"],
    ["/openai", "openai"],
    ["/openai/responses", "openai"],
    ["/v1/embeddings", "openai"],
    ["/v1/completions", "openai"],
    ["/models", "openai"],
    ["/gemini", "gemini"],
    ["/gemini/models", "gemini"],
    ["/v1beta/v1beta/models/m:generateContent", "gemini"],
    ["/v1beta/cachedContents", "gemini"],
    ["/v1/models/m:generateContent", "gemini"],
    ["/models/m:streamGenerateContent", "gemini"],
    ["/v1internal", "gemini"],
  ];
  for (const [path, name] of table) assert.equal(nearestDialect(path).name, name, path);
});

test("a wrong base URL is answered with the right one", () => {
  const table: [string, string | undefined][] = [
    ["/messages", "/v1"],
    ["/messages/count_tokens", "/v1"],
    ["/claude/messages", "/claude/v1"],
    ["/api/messages", "/api/v1"],
    ["/v1/v1/messages", ""],
    ["/v1/v1/messages/count_tokens", ""],
    ["/claude/v1/v1/messages", "/claude"],
    ["/anthropic/v1/messages", ""],
    ["/openai/v1/messages", ""],
    ["/responses", "/v1"],
    ["/chat/completions", "/v1"],
    ["/openai/chat/completions", "/openai/v1"],
    ["/v1/v1/chat/completions", "/v1"],
    ["/claude/v1/chat/completions", "/v1"],
    ["/responses/compact", "/v1"],
    ["/openai/responses", "/openai/v1"],
    ["/openai/v1/v1/responses", "/openai/v1"],
    ["/v1/v1/responses", "/v1"],
    ["/v1beta/v1beta/models/m:generateContent", ""],
    ["/gemini/v1beta/v1beta/models/m:streamGenerateContent", "/gemini"],
    ["/v1/v1beta/models/m:generateContent", ""],
    ["/models/m:generateContent", "/v1beta"],
    ["/gemini/models/m:generateContent", "/gemini/v1beta"],
    ["/models/m:streamGenerateContent", "/v1beta"],
    ["/v1/v1/models/m:generateContent", ""],
    ["/gemini/v1/v1/models/m:generateContent", "/gemini"],
    ["/v1alpha/v1alpha/models/m:generateContent", ""],
    ["/v1beta/v1alpha/models/m:generateContent", ""],
    ["/gemini/v1alpha/v1beta/models/m:generateContent", "/gemini"],
    ["/gemini/v1beta/v1alpha/models", "/gemini"],
    ["/v1beta/openai/chat/completions", "/openai/v1"],
    ["/gemini/v1beta/openai/chat/completions", "/openai/v1"],
    ["/gemini/v1alpha/openai/chat/completions", "/openai/v1"],
    ["/v1beta/openai/models", "/openai/v1"],
    ["/gemini/v1beta/openai/models", "/openai/v1"],
    ["/gemini/v1beta/openai/models/gemini-4", "/openai/v1"],
    ["/v1beta/v1internal:loadCodeAssist", ""],
    ["/gemini/v1beta/v1internal:loadCodeAssist", "/gemini"],
    ["/models", "/openai/v1"],
    ["/openai/models", "/openai/v1"],
    ["/claude/models", "/claude/v1"],
    ["/gemini/models", "/gemini/v1beta"],
    ["/v1/v1/models", ""],
    ["/v1beta/v1beta/models", ""],
    ["/", undefined],
    ["/nothing", undefined],
    ["/v1/messages/batches", undefined],
    ["/v1/responses/a/b/c", undefined],
    ["/v1beta/models/m:predict", undefined],
  ];
  for (const [path, base] of table) {
    const expected = base === undefined ? undefined : `http://127.0.0.1:3000${base}`;
    assert.equal(baseUrlHint(path, "127.0.0.1:3000"), expected, path);
  }
});
