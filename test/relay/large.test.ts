// Large and odd things: bodies at the limit, huge events, many accounts, endless names.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import type { Config } from "../../src/config/config.ts";
import { claudeError, claudeFailures } from "../support/claude-script.ts";
import { send } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { startRelay, testAccount } from "../support/relay.ts";
import { setStage } from "../support/stage.ts";
import { startUpstream } from "../support/upstream.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;
const mebi = 1024 * 1024;

/** A request body of exactly so many bytes. */
function bodyOf(bytes: number): Buffer {
  const head = '{"model":"claude-opus-5-5","messages":[{"role":"user","content":"';
  const tail = '"}],"stream":false}';
  return Buffer.concat([
    Buffer.from(head),
    Buffer.alloc(bytes - head.length - tail.length, "x"),
    Buffer.from(tail),
  ]);
}

const json = ["content-type", "application/json"];

const limitedTo = (maxBodyBytes: number) => ({
  configure: (config: Config) => ({ ...config, server: { ...config.server, maxBodyBytes } }),
});

test("a body of exactly the limit passes, declared and chunked, byte for byte", async (t) => {
  const { upstream, relay } = await setStage(t, limitedTo(6 * mebi));
  const body = bodyOf(6 * mebi);
  for (const form of [{ body }, { chunks: [body] }]) {
    const answer = await send(relay.url, { path: "/v1/messages", headers: json, ...form });
    assert.equal(answer.status, 200, answer.text.slice(0, 300));
    assert.ok(upstream.requests.at(-1)!.body.equals(body));
    assert.equal(upstream.requests.at(-1)!.headers["content-length"], String(body.length));
  }
});

test("bodies in many pieces go whole to every account that is asked, and none is mixed up with another", async (t) => {
  const { upstream, relay } = await setStage(t);
  const bodies = [300_000, 2 * mebi, 70_000, 900_000].map((bytes, index) => {
    const body = bodyOf(bytes);
    body.fill(String(index), body.indexOf("xx"), body.lastIndexOf("x"));
    return body;
  });
  for (const _ of bodies) upstream.queue("key-of-first", claudeFailures.bare429());
  const answers = await Promise.all(
    bodies.map((body) => send(relay.url, { path: "/v1/messages", headers: json, body })),
  );
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  for (const credential of ["key-of-first", "key-of-second"]) {
    const received = upstream.requests.filter((request) => request.credential === credential);
    for (const { body, headers } of received) {
      assert.equal(headers["content-length"], String(body.length));
      assert.equal(headers["transfer-encoding"], undefined);
      assert.ok(bodies.some((sent) => sent.equals(body)));
    }
  }
  assert.equal(upstream.requests.length, 2 * bodies.length);
});

test("a body of which every byte is a chunk of its own is sent on like any other", async (t) => {
  const { upstream, relay } = await setStage(t);
  const body = bodyOf(5000);
  const chunks = Array.from(body, (byte) => Buffer.of(byte));
  const answer = await send(relay.url, { path: "/v1/messages", headers: json, chunks });
  assert.equal(answer.status, 200);
  assert.ok(upstream.requests[0]!.body.equals(body));
  assert.equal(upstream.requests[0]!.headers["content-length"], "5000");
});

for (const dialect of dialectCases) {
  test(`${dialect.name}: one byte more is refused in the API's form, declared, chunked and compressed`, async (t) => {
    const limit = 100_000;
    const { upstream, relay } = await setStage(t, { type: dialect.type, ...limitedTo(limit) });
    const { path } = dialect.request({ stream: false });
    const tooLarge = bodyOf(limit + 1);
    const compressed = zstdCompressSync(tooLarge);
    const plain = { path, headers: json };
    const forms = [
      { ...plain, body: tooLarge },
      { ...plain, chunks: [tooLarge.subarray(0, 50_000), tooLarge.subarray(50_000)] },
      { path, headers: [...json, "content-encoding", "zstd"], body: compressed },
    ];
    for (const form of forms) {
      const answer = await send(relay.url, form);
      assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [413, "body_too_large"]);
      const { error } = answer.json() as { error: { message: string } };
      assert.match(error.message, /larger than 0\.1 MB.*max_body_mb/);
    }
    assert.equal(upstream.requests.length, 0);
    assert.equal((await send(relay.url, { ...plain, body: bodyOf(limit) })).status, 200);
  });
}

test("a declared length beyond the limit is refused before the body is sent, and while it is being sent", async (t) => {
  const { relay } = await setStage(t, limitedTo(2 * mebi));
  const socket = connect(Number(new URL(relay.url).port), "127.0.0.1");
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(`POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${2 * mebi + 1}\r\n\r\n`);
  const [early] = (await once(socket, "data")) as [Buffer];
  assert.match(early.toString(), /^HTTP\/1\.1 413 [\s\S]*request_too_large/);
  const answer = await send(relay.url, { path: "/v1/messages", headers: json, body: bodyOf(3 * mebi) });
  assert.equal(answer.status, 413);
});

test("an event of 1.5 MB passes byte for byte, or one of 900 KB converted, and what comes after it is counted", async (t) => {
  for (const dialect of dialectCases) {
    const { upstream, relay } = await setStage(t, { type: dialect.type });
    // Larger ones are not converted.
    const hugeEventBytes = dialect.isNative ? 1_500_000 : 900_000;
    upstream.queue("key-of-first", { hugeEventBytes });
    const answer = await send(relay.url, dialect.request());
    assert.deepEqual([answer.status, answer.end], [200, "clean"], dialect.name);
    assert.ok(answer.body.length > hugeEventBytes);
    if (dialect.isNative) assert.ok(answer.body.equals(upstream.requests[0]!.sentBody), dialect.name);
    const { total } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "day" });
    assert.deepEqual(total.tokens, upstream.total(), dialect.name);
  }
});

test("a first event of 1.5 MB goes out although it is larger than what may be held back", async (t) => {
  const { upstream, relay } = await setStage(t);
  const message = {
    id: "msg_1",
    usage: { input_tokens: 9, output_tokens: 1 },
    padding: "p".repeat(1_500_000),
  };
  upstream.queue("key-of-first", {
    rawEvents: [{ type: "message_start", message }, { type: "message_stop" }],
  });
  const answer = await send(relay.url, claude.request());
  assert.deepEqual([answer.status, answer.end], [200, "clean"]);
  assert.ok(answer.body.equals(upstream.requests[0]!.sentBody));
});

async function manyAccounts(t: TestContext, count: number) {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const accounts = Array.from({ length: count }, (_, index) =>
    testAccount(`a${index}`, "claude-api", upstream.url, { priority: count - index }),
  );
  const relay = await startRelay({ accounts });
  t.after(() => relay.close());
  return { upstream, relay };
}

test("a thousand accounts start, are chosen among and are distinguished quickly", async (t) => {
  const begun = performance.now();
  const { upstream, relay } = await manyAccounts(t, 1000);
  for (let index = 0; index < 3; index++)
    upstream.on(`key-of-a${index}`, claudeFailures.windowRejected("5h", Date.now() + 7_200_000));
  const first = await send(relay.url, claude.request({ session: "s" }));
  assert.equal(first.header("x-cc-relay-account"), "a3");
  const many = await Promise.all(
    Array.from({ length: 50 }, (_, index) => send(relay.url, claude.request({ session: `s${index}` }))),
  );
  assert.ok(many.every((answer) => answer.header("x-cc-relay-account") === "a3"));
  await relay.app.reload();
  assert.equal((await send(relay.url, { path: "/metrics" })).status, 200);
  const ms = performance.now() - begun;
  assert.ok(ms < patient(8000), `${ms} ms`);
});

test("a session id of 200 KB is an id like any other, in a header and in the body", async (t) => {
  const { upstream, relay } = await setStage(t);
  const long = (tail: string) => `${"s".repeat(200_000)}${tail}`;
  const inHeader = (id: string) => claude.request({ session: id, stream: false });
  const inBody = (id: string) => ({
    path: "/v1/messages",
    body: {
      model: "claude-opus-5-5",
      messages: [],
      metadata: { user_id: JSON.stringify({ session_id: id }) },
    },
  });
  for (const [name, request] of Object.entries({ inHeader, inBody })) {
    upstream.queue("key-of-first", claudeFailures.windowRejected("5h", Date.now() + 7_200_000));
    const home = (id: string) => send(relay.url, request(long(`${name} ${id}`)));
    assert.equal((await home("1")).header("x-cc-relay-account"), "second");
    await relay.store.accounts.clearCooldowns("first");
    await relay.reconfigure((config) => config);
    assert.equal((await home("1")).header("x-cc-relay-account"), "second");
    assert.equal((await home("2")).header("x-cc-relay-account"), "first");
  }
});

test("a model name of a megabyte reaches the provider, and neither the log nor the database is filled with it", async (t) => {
  const { upstream, relay } = await setStage(t);
  const model = `claude-${"m".repeat(mebi)}`;
  const body = { model, max_tokens: 5, messages: [{ role: "user", content: "hi" }] };
  const ask = () => send(relay.url, { path: "/v1/messages", body });
  assert.equal((await ask()).status, 200);
  assert.equal(upstream.requests[0]!.model, model);
  upstream.on(() => true, claudeFailures.modelDenied());
  const denied = await ask();
  assert.equal(denied.header("x-cc-relay-error"), "unknown_model");
  assert.ok(denied.text.length < 2000, `${denied.text.length} characters of answer`);
  upstream.on(() => true, claudeError(404, { message: `model: ${model}` }));
  await ask();
  const { rows } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "model" });
  const cooldowns = await relay.store.accounts.cooldowns();
  assert.ok(rows.length > 0 && cooldowns.length > 0);
  for (const { key } of rows) assert.ok(key.length <= 200);
  for (const cooldown of cooldowns) assert.ok(JSON.stringify(cooldown).length < 2000);
  for (const line of relay.log) assert.ok(JSON.stringify(line).length < 3000, `${line.message} is too long`);
});

test("NUL bytes are characters like any other", async (t) => {
  const { upstream, relay } = await setStage(t);
  const bodies = [
    Buffer.from(
      '{"model":"claude\\u0000opus","messages":[],"metadata":{"user_id":"user_a_session_\\u0000"}}',
    ),
    Buffer.from('{"model":"claude-opus-5-5","messages":[{"role":"user","content":"a\0b"}]}'),
    Buffer.alloc(1000),
  ];
  for (const body of bodies) {
    const answer = await send(relay.url, { path: "/v1/messages?x=%00", headers: json, body });
    assert.equal(answer.status, 200, answer.text);
    assert.ok(upstream.requests.at(-1)!.body.equals(body));
    assert.equal(upstream.requests.at(-1)!.url, "/v1/messages?x=%00");
  }
  const { total } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "day" });
  assert.equal(total.requests, bodies.length);
});
