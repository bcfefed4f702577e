import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { HeaderMap } from "../../src/call.ts";
import { bindingId } from "../../src/dialects/body-text.ts";
import type { RequestFacts } from "../../src/dialects/dialect.ts";
import { dialects, matchRoute } from "../../src/dialects/registry.ts";

interface Sent {
  method?: string;
  headers?: HeaderMap;
  body?: unknown;
}

/** What the dialect of a path reads out of a request; a body that is no string is sent as JSON. */
function read(target: string, { method = "POST", headers = {}, body }: Sent = {}): RequestFacts {
  const [path = "", query] = target.split("?");
  const found = matchRoute(method, path);
  assert.ok(found, `${method} ${path} is no route`);
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  return found.dialect.read(found.route, {
    headers,
    query: query === undefined ? "" : `?${query}`,
    body: text === undefined ? undefined : Buffer.from(text),
  });
}

const session = (target: string, sent: Sent) => read(target, sent).session;

const uuid = "0f1e2d3c-0000-4000-8000-00000000abcd";

/** As Claude Code 2.1.330 sends it, shortened; the breakpoint moves to the last message every turn. */
function claudeCode(
  turn: number,
  metadata: unknown = { user_id: JSON.stringify({ device_id: "d", account_uuid: "", session_id: uuid }) },
) {
  const mark = { cache_control: { type: "ephemeral" } };
  const messages = [
    { role: "system", content: "reminder" },
    { role: "user", content: [{ type: "text", text: "Rename the module", ...(turn === 1 ? mark : {}) }] },
    ...(turn > 1
      ? [
          {
            role: "assistant",
            content: [{ type: "tool_use", id: "t1", name: "Read", input: { file: "a.ts" } }],
          },
          { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: "…", ...mark }] },
        ]
      : []),
  ];
  return {
    model: "claude-opus-5-5",
    messages,
    system: [
      { type: "text", text: `x-anthropic-billing-header: cc_version=2.1.330.${turn}; cc_entrypoint=cli;` },
      { type: "text", text: "You are a helper.", ...(turn === 1 ? mark : {}) },
      { type: "text", text: "Environment: Linux", ...mark },
    ],
    tools: [{ name: "Read", input_schema: { type: "object", properties: { model: { type: "string" } } } }],
    metadata,
    max_tokens: 32_000,
    thinking: { type: "adaptive" },
    stream: true,
  };
}

test("a Claude Code request is read as it is", () => {
  assert.deepEqual(read("/v1/messages?beta=true", { body: claudeCode(1) }), {
    model: "claude-opus-5-5",
    stream: true,
    streamForm: "sse",
    session: uuid,
    binding: undefined,
    onlyTypes: undefined,
    headerBudgetMs: undefined,
  });
});

test("session headers go before everything in the body, in their order", () => {
  const headers = {
    "x-session-affinity": "e",
    "x-session-id": "d",
    session_id: "c",
    "session-id": "b",
    "x-claude-code-session-id": "a",
  };
  const names = Object.keys(headers).reverse();
  for (const [index, name] of names.entries()) {
    const left = Object.fromEntries(Object.entries(headers).filter(([each]) => names.indexOf(each) >= index));
    for (const target of ["/v1/messages", "/v1/responses", "/v1beta/models/m:generateContent"]) {
      const body = { ...claudeCode(1), prompt_cache_key: "k" };
      assert.equal(session(target, { headers: left, body }), headers[name as keyof typeof headers], name);
    }
  }
});

test("both forms of Claude's user_id give the session, and other forms do not", () => {
  const old = `user_${"a1".repeat(32)}_account_${uuid}_session_${uuid}`;
  assert.equal(session("/v1/messages", { body: claudeCode(1, { user_id: old }) }), uuid);
  assert.equal(session("/v1/messages/count_tokens", { body: claudeCode(2) }), uuid);
  for (const user of ["alice", "user_1", "{not json", JSON.stringify({ device_id: "d" }), "", 7, null]) {
    assert.match(
      session("/v1/messages", { body: claudeCode(1, { user_id: user }) }) ?? "",
      /^text:/,
      String(user),
    );
  }
});

test("without an id the session is the same in every turn, though cache_control and the attribution move", () => {
  const first = session("/v1/messages", { body: claudeCode(1, {}) });
  assert.match(first ?? "", /^text:/);
  assert.equal(session("/v1/messages", { body: claudeCode(2, {}) }), first);
  const plain = { ...claudeCode(1, {}), messages: [{ role: "user", content: "Rename the module" }] };
  assert.equal(
    session("/v1/messages", { body: plain }),
    first,
    "a string and one text block are the same text",
  );
  const other = { ...plain, messages: [{ role: "user", content: "Rename the file" }] };
  assert.notEqual(session("/v1/messages", { body: other }), first);
  assert.notEqual(session("/v1/messages", { body: { ...plain, system: "You are a poet." } }), first);
});

test("a conversation that begins with an image is told by the image, wherever the breakpoint stands", () => {
  const image = (data: string, more = {}) => ({
    messages: [{ role: "user", content: [{ ...more, type: "image", source: { type: "base64", data } }] }],
  });
  const first = session("/v1/messages", { body: image("AAAA") });
  assert.ok(first);
  assert.equal(
    session("/v1/messages", { body: image("AAAA", { cache_control: { type: "ephemeral" } }) }),
    first,
  );
  assert.notEqual(session("/v1/messages", { body: image("BBBB") }), first);
});

test("a very long first message is told apart without being parsed", () => {
  const body = (end: string) => ({ messages: [{ role: "user", content: `${"é".repeat(100_000)}${end}` }] });
  assert.equal(session("/v1/messages", { body: body("a") }), session("/v1/messages", { body: body("a") }));
  assert.notEqual(session("/v1/messages", { body: body("a") }), session("/v1/messages", { body: body("b") }));
});

test("a request without any text has no session", () => {
  for (const body of [
    {},
    { messages: [] },
    { messages: [{ role: "user", content: [] }] },
    "[]",
    "",
    undefined,
  ]) {
    assert.equal(session("/v1/messages", { body }), undefined);
    assert.equal(session("/v1/responses", { body }), undefined);
    assert.equal(session("/v1beta/models/m:generateContent", { body }), undefined);
  }
  assert.equal(session("/v1/models", { method: "GET", body: undefined }), undefined);
});

test("Claude's files, containers and threads bind to an account that knows them", () => {
  const withBody = (fields: object) =>
    read("/v1/messages", { body: { ...claudeCode(1), ...fields } }).binding;
  const file = {
    role: "user",
    content: [{ type: "document", source: { type: "file", file_id: "file_011CNha" } }],
  };
  const bound = (id: string) => ({ kind: "file", id, whenUnknown: "any" });
  assert.deepEqual(withBody({ messages: [file] }), bound("file_011CNha"));
  assert.deepEqual(withBody({ container: "container_1" }), bound("container_1"));
  assert.deepEqual(
    withBody({ container: { id: "container_2", skills: [] }, messages: [file] }),
    bound("container_2"),
  );
  assert.deepEqual(withBody({ thread: { id: "thread_3" } }), bound("thread_3"));
  assert.equal(withBody({ container: { skills: [] } }), undefined);
  assert.equal(withBody({ container: null }), undefined);
});

test("a file id in a text or in a tool's own argument binds nothing", () => {
  const text = 'Look at {"file_id":"file_1"} and \\"file_id": "file_2"';
  const content = [
    { type: "text", text },
    { type: "tool_use", id: "t", name: "open", input: { file_id: "42" } },
  ];
  assert.equal(read("/v1/messages", { body: { messages: [{ role: "user", content }] } }).binding, undefined);
});

/** As Gemini CLI 0.61 sends it in API-key mode, shortened. */
function geminiCli(turn: number) {
  return {
    contents: [
      { parts: [{ text: "This is the Gemini CLI. Today is Sunday." }, { text: "Say hi" }], role: "user" },
      ...(turn > 1
        ? [
            { parts: [{ functionCall: { name: "ls", args: {} }, thoughtSignature: "c2ln" }], role: "model" },
            { parts: [{ functionResponse: { name: "ls", response: { output: "a" } } }], role: "user" },
          ]
        : []),
    ],
    systemInstruction: { parts: [{ text: "You are an agent." }], role: "user" },
    generationConfig: { temperature: 0, thinkingConfig: { includeThoughts: true } },
    tools: [{ functionDeclarations: [{ name: "ls", parametersJsonSchema: { properties: { model: {} } } }] }],
  };
}
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
    onlyTypes: undefined,
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
  assert.deepEqual(uri(address), { kind: "file", id: address, whenUnknown: "any" });
  assert.equal(uri("https://www.youtube.com/watch?v=files/1"), undefined);
  assert.equal(uri("gs://bucket/files/1"), undefined);
  const cached = read("/v1beta/models/m:generateContent", {
    body: { contents: [], cachedContent: "cachedContents/c1" },
  });
  assert.deepEqual(cached.binding, { kind: "file", id: "cachedContents/c1", whenUnknown: "any" });
  const empty = read("/v1internal:generateContent", {
    body: { request: { contents: [], cachedContent: "" } },
  });
  assert.equal(empty.binding, undefined);
});

/** As Codex 0.169 sends it, shortened. */
function codex(more: object = {}) {
  return {
    model: "gpt-5.6",
    input: [
      { type: "additional_tools", tools: [] },
      { type: "message", role: "developer", content: [{ type: "input_text", text: "Permissions" }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: "Say hi" }] },
    ],
    store: false,
    stream: true,
    include: ["reasoning.encrypted_content"],
    prompt_cache_key: uuid,
    ...more,
  };
}

test("a Codex request is read as it is", () => {
  assert.deepEqual(read("/openai/v1/responses", { body: codex() }), {
    model: "gpt-5.6",
    stream: true,
    streamForm: "sse",
    session: uuid,
    binding: undefined,
    onlyTypes: undefined,
    headerBudgetMs: undefined,
  });
  assert.equal(read("/v1/responses/compact", { body: codex() }).stream, false);
});

test("an OpenAI conversation is known by thread id, else by its opening text", () => {
  const anonymous = codex({ prompt_cache_key: undefined });
  assert.equal(session("/v1/responses", { headers: { "thread-id": "t" }, body: anonymous }), "t");
  assert.equal(session("/v1/responses", { headers: { conversation_id: "c" }, body: anonymous }), "c");
  assert.equal(session("/v1/responses", { headers: { "thread-id": "t" }, body: codex() }), uuid);
  const text = session("/v1/responses", { body: anonymous });
  assert.match(text ?? "", /^text:/);
  const later = {
    ...anonymous,
    input: [...anonymous.input, { role: "assistant", content: "hi" }, { role: "user", content: "x" }],
  };
  assert.equal(session("/v1/responses", { body: later }), text);
  assert.notEqual(session("/v1/responses", { body: { ...anonymous, instructions: "Be short." } }), text);
  const plain = session("/v1/responses", { body: { input: "Say hi" } });
  assert.equal(session("/v1/responses", { body: { input: [{ role: "user", content: "Say hi" }] } }), plain);
  assert.equal(
    session("/v1/responses", { body: { input: "more", previous_response_id: "resp_1" } }),
    undefined,
  );
});

test("OpenAI requests bind to what only one account has, the strongest tie first", () => {
  const binding = (body: object, headers: HeaderMap = {}) => read("/v1/responses", { headers, body }).binding;
  const long = "gAAAAAB".repeat(400);
  const reasoning = (value: unknown) => ({
    type: "reasoning",
    id: "rs_1",
    summary: [],
    encrypted_content: value,
  });
  const input = [
    reasoning(null),
    reasoning(long),
    reasoning("later"),
    { type: "input_file", file_id: "file-9" },
  ];
  const everything = codex({ input, previous_response_id: "resp_7", conversation: "conv_1" });
  const turn = { "x-codex-turn-state": "turn-token".repeat(50) };
  assert.deepEqual(binding(everything, turn), { kind: "response", id: "resp_7", whenUnknown: "refuse" });
  assert.deepEqual(binding({ ...everything, previous_response_id: null }, turn), {
    kind: "turn",
    id: "turn-token".repeat(50),
    whenUnknown: "any",
  });
  assert.deepEqual(binding(codex({ input, conversation: "conv_1" })), {
    kind: "encrypted",
    id: bindingId(long),
    whenUnknown: "any",
  });
  assert.ok(bindingId(long).length < 60);
  assert.deepEqual(binding(codex({ conversation: { id: "conv_1" } })), {
    kind: "file",
    id: "conv_1",
    whenUnknown: "any",
  });
  assert.deepEqual(binding(codex({ input: input.slice(3) })), {
    kind: "file",
    id: "file-9",
    whenUnknown: "any",
  });
  const tools = [{ type: "code_interpreter", container: "cntr_5" }];
  assert.deepEqual(binding(codex({ tools })), { kind: "file", id: "cntr_5", whenUnknown: "any" });
  assert.equal(
    binding(codex({ tools: [{ type: "code_interpreter", container: { type: "auto" } }] })),
    undefined,
  );
});

test("a stored response's own routes bind to it, streamed where the query asks", () => {
  const binding = { kind: "response", id: "resp_1", whenUnknown: "refuse" };
  const get = read("/v1/responses/resp_1?stream=true&starting_after=3", { method: "GET" });
  assert.deepEqual({ binding: get.binding, stream: get.stream }, { binding, stream: true });
  assert.deepEqual(read("/openai/v1/responses/resp_1", { method: "DELETE" }).binding, binding);
  assert.deepEqual(read("/v1/responses/resp%5F1/cancel").binding, binding);
  const items = read("/v1/responses/resp_1/input_items?stream=false", { method: "GET" });
  assert.deepEqual({ binding: items.binding, stream: items.stream }, { binding, stream: false });
});

test("members of the wrong type are as good as absent", () => {
  const odd = {
    model: 5,
    stream: "true",
    metadata: "x",
    messages: 3,
    system: 7,
    input: 4,
    contents: false,
    prompt_cache_key: [],
  };
  for (const target of ["/v1/messages", "/v1/responses", "/v1internal:generateContent"]) {
    const facts = read(target, { body: odd });
    assert.deepEqual(
      { model: facts.model, stream: facts.stream, session: facts.session, binding: facts.binding },
      { model: undefined, stream: false, session: undefined, binding: undefined },
      target,
    );
  }
});

const targets = [
  "/v1/messages",
  "/v1/messages/count_tokens",
  "/v1/responses",
  "/v1/responses/resp_1/cancel",
  "/v1beta/models/m:streamGenerateContent",
  "/v1beta/models/m:batchEmbedContents",
  "/v1internal:generateContent",
];

test("no body makes a dialect throw", () => {
  const json = fc.json().map((text) => Buffer.from(text));
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  const samples = [claudeCode(2), codex({ encrypted_content: "x" }), { request: geminiCli(2) }].map((each) =>
    JSON.stringify(each),
  );
  const broken = fc
    .tuple(fc.constantFrom(...samples), fc.nat(), fc.nat(), fc.uint8Array({ maxLength: 5 }))
    .map(([sample, at, count, noise]) => {
      const body = Buffer.from(sample);
      const start = at % body.length;
      return Buffer.concat([body.subarray(0, start), noise, body.subarray(start + (count % 40))]);
    });
  fc.assert(
    fc.property(
      fc.oneof(json, bytes, broken),
      fc.constantFrom(...targets),
      fc.string(),
      (body, path, query) => {
        const found = matchRoute("POST", path);
        assert.ok(found);
        const facts = found.dialect.read(found.route, { headers: {}, query: `?${query}`, body });
        assert.equal(typeof facts.stream, "boolean");
      },
    ),
    { numRuns: 1500 },
  );
});

test("no path makes a dialect throw", () => {
  fc.assert(
    fc.property(fc.webPath(), fc.constantFrom("GET", "POST", "DELETE", "PUT"), (path, method) => {
      for (const dialect of dialects) {
        if (dialect.match(method, path) !== undefined) assert.ok(dialect.knows(path));
      }
    }),
  );
});
