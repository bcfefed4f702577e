// Routes, what is read for routing, and the call that goes upstream.

import assert from "node:assert/strict";
import test from "node:test";
import { chatDialect } from "../../../src/dialects/chat/index.ts";
import type { HeaderMap } from "../../../src/domain/call.ts";
import { RelayError } from "../../../src/domain/errors.ts";
import { chatCall, convert, type Json, request } from "./support.ts";

const route = { dialect: "chat", operation: "generate", path: "/v1/chat/completions" } as const;

test("both paths are served with POST, and known with any method", () => {
  for (const path of ["/openai/v1/chat/completions", "/v1/chat/completions", "/v1//chat/completions"]) {
    assert.deepEqual(chatDialect.match("POST", path), route);
    assert.equal(chatDialect.match("GET", path), undefined);
    assert.equal(chatDialect.knows(path), true);
  }
  for (const path of [
    "/chat/completions",
    "/v1/chat/completions/x",
    "/v1/completions",
    "/gemini/v1/chat/completions",
    "/",
  ]) {
    assert.equal(chatDialect.match("POST", path), undefined);
    assert.equal(chatDialect.knows(path), false);
  }
});

function read(body: unknown, headers: HeaderMap = {}) {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return chatDialect.read(route, { headers, query: "", body: bytes });
}

test("model and stream are read", () => {
  assert.deepEqual(read({ model: "claude-sonnet-4-5", stream: true }), {
    model: "claude-sonnet-4-5",
    stream: true,
    streamForm: "sse",
    session: undefined,
    binding: undefined,
    headerBudgetMs: undefined,
  });
  const plain = read({ model: "m", stream: null });
  assert.equal(plain.stream, false);
  assert.equal(plain.streamForm, undefined);
});

const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "hi" }] },
];

test("the session is a header, else the cache key, else the opening text", () => {
  const body = { model: "m", prompt_cache_key: "key", messages };
  for (const name of ["session-id", "session_id", "x-session-id", "x-session-affinity"]) {
    assert.equal(read(body, { [name]: "s-1" }).session, "s-1");
  }
  assert.equal(read(body).session, "key");
  assert.match(String(read({ model: "m", messages }).session), /^text:[0-9a-f]{64}$/);
});

test("the opening text identifies a conversation over its turns, whatever its cache marks", () => {
  const session = (list: unknown[]) => read({ model: "m", messages: list }).session;
  const first = session(messages);
  const later = [
    { role: "system", content: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }] },
    { role: "user", content: "hi" },
    { role: "assistant", content: "hello" },
    { role: "user", content: "again" },
  ];
  assert.equal(session(later), first);
  assert.notEqual(session([messages[0], { role: "user", content: "ho" }]), first);
  assert.notEqual(session([{ role: "developer", content: "Be long." }, messages[1]]), first);
  assert.equal(session([]), undefined);
});

test("a body that names no model, or is no JSON object, is refused", () => {
  const rows: [body: string, param: string | undefined][] = [
    ["", undefined],
    ["{", undefined],
    ["[]", undefined],
    ['"x"', undefined],
    [`${"[".repeat(1000)}${"]".repeat(1000)}`, undefined],
    ["{}", "model"],
    ['{"model":5}', "model"],
    ['{"model":""}', "model"],
    ['{"model":null}', "model"],
  ];
  for (const [body, param] of rows) {
    assert.throws(
      () => read(body),
      (error) => error instanceof RelayError && error.code === "invalid_request" && error.param === param,
      body,
    );
  }
  assert.throws(() => chatDialect.read(route, { headers: {}, query: "", body: undefined }), RelayError);
});

test("an error about the body never shows what is in it", () => {
  for (const body of ['{"model":"m","secret-key', '{"model":"m","messages":secret-key}']) {
    assert.throws(
      () => convert(body),
      (error) => error instanceof RelayError && !error.message.includes("secret"),
    );
  }
});

test("the call goes to Claude's Messages as JSON, with the client's headers less those of OpenAI", () => {
  const { call } = convert(request({ stream: true }), {
    query: "?api-version=2024-01-01",
    acceptEncoding: "gzip",
    headers: [
      "User-Agent",
      "OpenAI/JS 7.57.0",
      "X-Stainless-Lang",
      "js",
      "OpenAI-Beta",
      "x",
      "Content-Type",
      "application/json; charset=utf-8",
      "Content-Encoding",
      "gzip",
      "Anthropic-Beta",
      "context-1m-2025-08-07",
      "Anthropic-Version",
      "2026-10-21",
      "X-Custom",
      "kept",
    ],
  });
  assert.equal(call.method, "POST");
  assert.equal(call.path, "/v1/messages");
  assert.equal(call.query, "");
  assert.equal(call.dialect, "chat");
  assert.equal(call.family, "claude");
  assert.equal(call.acceptEncoding, undefined);
  assert.equal(call.model, "claude-sonnet-4-5");
  assert.equal(call.stream, true);
  assert.equal(call.streamForm, "sse");
  assert.equal(call.excludesLogins, true);
  assert.deepEqual(call.headers, [
    "User-Agent",
    "OpenAI/JS 7.57.0",
    "Anthropic-Beta",
    "context-1m-2025-08-07",
    "X-Custom",
    "kept",
    "content-type",
    "application/json",
    "anthropic-version",
    "2023-06-01",
  ]);
});

test("no header is made up for a client that sent none", () => {
  assert.deepEqual(convert(request()).call.headers, [
    "content-type",
    "application/json",
    "anthropic-version",
    "2023-06-01",
  ]);
});

test("a byte order mark before the body is no fault", () => {
  const marked = `\uFEFF${JSON.stringify(request())}`;
  assert.deepEqual(read(marked), read(request()));
  const { call } = convert(marked);
  assert.equal(JSON.parse(String(call.body)).model, "claude-sonnet-4-5");
});

const refusal = (message: string) =>
  Buffer.from(JSON.stringify({ type: "error", error: { type: "invalid_request_error", message } }));
const firstRole = 'messages: first message must use the "user" role';
const opensWithAssistant: Json = {
  messages: [
    { role: "assistant", content: "a" },
    { role: "user", content: "b" },
  ],
};

test("where a conversation may not begin with the assistant, it is written again with a user in front", () => {
  const conversion = convert(request(opensWithAssistant));
  const again = conversion.again!({ status: 400, headers: {} }, refusal(firstRole));
  const before = JSON.parse(String(conversion.call.body));
  assert.deepEqual(JSON.parse(String(again?.body)), {
    ...before,
    messages: [{ role: "user", content: [{ type: "text", text: "." }] }, ...before.messages],
  });
  assert.deepEqual({ ...again, body: undefined }, { ...conversion.call, body: undefined });
});

test("every other refusal stays", () => {
  const bad = { status: 400, headers: {} };
  assert.equal(convert(request(opensWithAssistant)).again!(bad, refusal("max_tokens: no")), undefined);
  assert.equal(convert(request()).again!(bad, refusal(firstRole)), undefined);
  const other = { status: 500, headers: {} };
  assert.equal(convert(request(opensWithAssistant)).again!(other, refusal(firstRole)), undefined);
});

test("the client's own call is left as it was", () => {
  const call = chatCall(request(opensWithAssistant), { headers: ["OpenAI-Beta", "x"] });
  const copy = structuredClone({ ...call, body: String(call.body) });
  chatDialect.convert!(call);
  assert.deepEqual({ ...call, body: String(call.body) }, copy);
});

test("a Claude model is asked for by conversion, at Claude's accounts", () => {
  assert.deepEqual(chatDialect.direct!({ model: "claude-opus-5-5" }, []), {
    family: "claude",
    path: "/v1/messages",
    converts: true,
  });
});
