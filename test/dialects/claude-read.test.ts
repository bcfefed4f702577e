import assert from "node:assert/strict";
import { test } from "node:test";
import { claudeCode, read, session, uuid } from "./reading.ts";

test("a Claude Code request is read as it is", () => {
  assert.deepEqual(read("/v1/messages?beta=true", { body: claudeCode(1) }), {
    model: "claude-opus-5-5",
    stream: true,
    streamForm: "sse",
    session: uuid,
    binding: undefined,
    thread: undefined,
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

test("a conversation that begins with an image is known by the image, wherever the breakpoint is", () => {
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

test("a very long first message is distinguished without being parsed", () => {
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
  const bound = (id: string) => ({ kind: "file", id });
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

test("the message that a Claude thread continues is read, and binds the request to nothing", () => {
  const readThread = (fields: object) => {
    const { thread, binding } = read("/v1/messages", { body: { ...claudeCode(1), ...fields } });
    return { thread, binding };
  };
  const thread = { type: "continue", previous_message_id: "msg_01A" };
  assert.deepEqual(readThread({ thread }), { thread: { previousId: "msg_01A" }, binding: undefined });
  assert.deepEqual(readThread({ thread, container: "container_1" }), {
    thread: { previousId: "msg_01A" },
    binding: { kind: "file", id: "container_1" },
  });
  for (const previous of [undefined, null, "", 7]) {
    const begins = readThread({ thread: { type: "new", previous_message_id: previous } });
    assert.deepEqual(begins.thread, { previousId: undefined }, String(previous));
  }
  for (const other of [null, "thread_1", [], 1]) {
    assert.equal(readThread({ thread: other }).thread, undefined, String(other));
  }
  assert.equal(readThread({ diagnostics: { previous_message_id: "msg_01A" } }).thread, undefined);
});

test("a file id in a text or in a tool's own argument binds nothing", () => {
  const text = 'Look at {"file_id":"file_1"} and \\"file_id": "file_2"';
  const content = [
    { type: "text", text },
    { type: "tool_use", id: "t", name: "open", input: { file_id: "42" } },
  ];
  assert.equal(read("/v1/messages", { body: { messages: [{ role: "user", content }] } }).binding, undefined);
});
