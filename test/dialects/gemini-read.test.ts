import assert from "node:assert/strict";
import { test } from "node:test";
import { geminiCli, read, session, uuid } from "./reading.ts";

const cli = { "user-agent": "GeminiCLI-tui/0.61.0/gemini-2.5-pro (linux; x64; terminal)" };

test("a Gemini CLI request is read as it is, with the time that it waits for headers", () => {
  const facts = read("/gemini/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", {
    headers: cli,
    body: geminiCli(1),
  });
  assert.match(facts.session ?? "", /^text:/);
  assert.deepEqual(facts, {
    model: "gemini-2.5-pro",
    stream: true,
    streamForm: "sse",
    session: facts.session,
    binding: undefined,
    headerBudgetMs: 55_000,
  });
  const later = read("/v1beta/models/gemini-2.5-flash:generateContent", { headers: cli, body: geminiCli(2) });
  assert.equal(later.session, facts.session);
  assert.equal(later.stream, false);
  assert.equal(later.streamForm, undefined);
  const sdk = read("/v1beta/models/m:generateContent", {
    headers: { "user-agent": "google-genai-sdk/3.1.0" },
  });
  assert.equal(sdk.headerBudgetMs, undefined);
});

test("a session of Gemini CLI is the same one when it is taken up on another day, in a folder whose files have changed", () => {
  const path = "/v1beta/models/m:streamGenerateContent";
  const begun = session(path, { body: geminiCli(1) });
  assert.equal(session(path, { body: geminiCli(2, "Monday") }), begun);
  const other = geminiCli(1);
  other.contents[0]?.parts.splice(1, 1, { text: "Say something else" });
  assert.notEqual(session(path, { body: other }), begun);
});

test("a Gemini stream is an event stream only where alt asks for it", () => {
  const form = (query: string) => read(`/v1beta/models/m:streamGenerateContent?${query}`).streamForm;
  assert.equal(form("alt=sse"), "sse");
  assert.equal(form("key=x&%24alt=sse"), "sse");
  assert.equal(form("$alt=sse"), "sse");
  assert.equal(form("alt=SSE"), "sse");
  assert.equal(form("alt=json"), "json-array");
  assert.equal(form(""), "json-array");
});

test("loose and wrapped Gemini bodies give the same session as strict ones", () => {
  const strict = session("/v1beta/models/m:generateContent", {
    body: {
      systemInstruction: { parts: [{ text: "Be short." }] },
      contents: [{ role: "user", parts: [{ text: "Hi" }] }],
    },
  });
  const loose: unknown[] = [
    { system_instruction: "Be short.", contents: { parts: { text: "Hi" } } },
    {
      systemInstruction: { parts: { text: "Be short." } },
      contents: [{ parts: [{ text: "Hi", thought: false }] }],
    },
  ];
  for (const body of loose) assert.equal(session("/v1beta/models/m:generateContent", { body }), strict);
  const wrapped = {
    generateContentRequest: { model: "models/m", system_instruction: "Be short.", contents: "Hi" },
  };
  assert.equal(session("/v1beta/models/m:countTokens", { body: wrapped }), strict);
});

test("Code Assist names model and session in its envelope and has no budget", () => {
  const request = { ...geminiCli(1), session_id: uuid };
  const envelope = { model: "gemini-2.5-pro", project: "p", user_prompt_id: "other########3", request };
  const facts = read("/v1internal:streamGenerateContent?alt=sse", { headers: cli, body: envelope });
  assert.deepEqual(
    { model: facts.model, session: facts.session, budget: facts.headerBudgetMs, form: facts.streamForm },
    { model: "gemini-2.5-pro", session: uuid, budget: undefined, form: "sse" },
  );
  const { session_id: _, ...anonymous } = request;
  assert.equal(
    session("/v1internal:generateContent", { body: { ...envelope, request: anonymous } }),
    "other",
  );
  const bare = { model: "models/m", request: anonymous };
  const text = session("/v1beta/models/m:generateContent", { body: geminiCli(1) });
  assert.equal(session("/v1internal:generateContent", { body: bare }), text);
  assert.equal(read("/v1internal:generateContent", { body: bare }).model, "m");
  assert.equal(session("/v1internal:loadCodeAssist", { body: { metadata: {} } }), undefined);
});

test("Gemini's uploaded files and caches bind, public addresses do not", () => {
  const uri = (fileUri: string) =>
    read("/v1beta/models/m:generateContent", { body: { contents: [{ parts: [{ fileData: { fileUri } }] }] } })
      .binding;
  const address = "https://generativelanguage.googleapis.com/v1beta/files/abc-123";
  assert.deepEqual(uri(address), { kind: "file", id: address });
  assert.equal(uri("https://www.youtube.com/watch?v=files/1"), undefined);
  assert.equal(uri("gs://bucket/files/1"), undefined);
  const cached = read("/v1beta/models/m:generateContent", {
    body: { contents: [], cachedContent: "cachedContents/c1" },
  });
  assert.deepEqual(cached.binding, { kind: "file", id: "cachedContents/c1" });
  const empty = read("/v1internal:generateContent", {
    body: { request: { contents: [], cachedContent: "" } },
  });
  assert.equal(empty.binding, undefined);
});
