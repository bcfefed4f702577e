// Content codings: what the client asked for passes through as it is, and everything is still counted.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { deflateRawSync, gzipSync, zstdCompressSync } from "node:zlib";
import { decompress } from "../support/answer-writer.ts";
import { startAuthorizationServer } from "../support/authorization-server.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { send } from "../support/client.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { accountsOf, cases, dialectCases } from "./cases.ts";

let upstream: ScriptedUpstream;
let relay: TestRelay;

before(async () => {
  upstream = await startUpstream();
});
after(async () => {
  await relay.close();
  await upstream.close();
});
beforeEach(async () => {
  await relay?.close();
  upstream.reset();
  const accounts = [
    testAccount("first", "claude-api", upstream.url, { priority: 200 }),
    testAccount("second", "claude-api", upstream.url),
    testAccount("codex", "openai-responses", upstream.url),
  ];
  relay = await startRelay({ accounts });
});

const claude = dialectCases[0]!;
const openai = dialectCases[2]!;
const chat = dialectCases[3]!;

async function recorded() {
  return (await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "day" })).total.tokens;
}

for (const encoding of ["gzip", "br", "zstd", "deflate"] as const) {
  for (const stream of [true, false]) {
    test(`a ${stream ? "streamed" : "whole"} ${encoding} answer that was asked for passes through compressed and is counted`, async () => {
      upstream.on("key-of-first", { encoding, events: 20 });
      const request = claude.request({ stream, headers: ["Accept-Encoding", "gzip, deflate, br, zstd"] });
      const answer = await send(relay.url, request);
      assert.equal(answer.header("content-encoding"), encoding);
      assert.equal(upstream.requests[0]!.headers["accept-encoding"], "gzip, deflate, br, zstd");
      assert.deepEqual(answer.body, upstream.requests[0]!.sentBody);
      assert.match(
        (await decompress(answer.body, encoding)).toString(),
        stream ? /message_stop/ : /end_turn/,
      );
      assert.deepEqual(await recorded(), upstream.total());
    });
  }

  const failures = {
    limit: claudeFailures.windowRejected("5h", Date.now() + 7_200_000),
    "error as the first event": claude.firstEventError,
  };
  for (const [name, failure] of Object.entries(failures)) {
    test(`a compressed (${encoding}) ${name} moves the request to the next account`, async () => {
      upstream.queue("key-of-first", { ...failure, encoding });
      const answer = await send(relay.url, claude.request({ headers: ["Accept-Encoding", encoding] }));
      assert.equal(answer.status, 200);
      assert.equal(answer.header("x-cc-relay-account"), "second");
    });
  }

  test(`an answer that is compressed (${encoding}) unasked is still converted`, async () => {
    upstream.on("key-of-first", { encoding });
    const answer = await send(relay.url, chat.request());
    assert.equal(answer.header("content-encoding"), undefined);
    assert.match(answer.text, /\[DONE\]/);
    assert.deepEqual(await recorded(), upstream.total());
  });
}

for (const [encoding, compress] of [
  ["zstd", zstdCompressSync],
  ["gzip", gzipSync],
] as const) {
  test(`a ${encoding} request goes on as it came, and is read for its model and session`, async () => {
    const plain = openai.request();
    const body = compress(Buffer.from(String(plain.body)));
    const request = { ...plain, body, headers: [...plain.headers!, "Content-Encoding", encoding] };
    assert.equal((await send(relay.url, request)).status, 200);
    const received = upstream.requests[0]!;
    assert.deepEqual(received.body, body);
    assert.equal(received.headers["content-encoding"], encoding);
    const { rows } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "model" });
    assert.equal(rows[0]?.key, "gpt-5");
  });
}

test("a bomb, an unknown coding and a broken one are refused in the API's own form", async () => {
  await relay.reconfigure((config) => ({ ...config, server: { ...config.server, maxBodyBytes: 100_000 } }));
  const coded = (body: Buffer, encoding: string) => ({
    ...openai.request(),
    body,
    headers: ["Content-Type", "application/json", "Content-Encoding", encoding],
  });
  const bomb = await send(relay.url, coded(gzipSync(Buffer.alloc(10_000_000)), "gzip"));
  assert.deepEqual([bomb.status, bomb.header("x-cc-relay-error")], [413, "body_too_large"]);
  const unknown = await send(relay.url, coded(Buffer.from("x"), "lzma"));
  assert.deepEqual([unknown.status, unknown.header("x-cc-relay-error")], [415, "unsupported_encoding"]);
  const broken = await send(relay.url, coded(Buffer.from("no gzip at all"), "gzip"));
  assert.deepEqual([broken.status, broken.header("x-cc-relay-error")], [400, "invalid_request"]);
  assert.equal(upstream.requests.length, 0);
});

test("a content-encoding without a body, as some send it with every request, is no fault", async () => {
  const headers = ["content-encoding", "gzip", "x-cc-relay-account", "first"];
  const answer = await send(relay.url, { path: "/v1/models/claude-opus-5-5", method: "GET", headers });
  assert.equal(answer.header("x-cc-relay-account"), "first", answer.text);
});

test("a deflated request to Code Assist is unwrapped to be rewritten, in either form that goes by the name", async (t) => {
  const authorization = await startAuthorizationServer();
  const google = await startUpstream({ family: "gemini" });
  t.after(() => Promise.all([authorization.close(), google.close()]));
  await relay.reconfigure((config) => ({
    ...config,
    accounts: accountsOf(cases.codeAssist, { url: google.url, authorization }),
    oauth: { ...config.oauth, gemini: { tokenUrl: `${authorization.url}/token` } },
  }));
  const plain = cases.codeAssist.request({ stream: false });
  const body = deflateRawSync(Buffer.from(String(plain.body)));
  const headers = [...plain.headers!, "Content-Encoding", "deflate"];
  assert.equal((await send(relay.url, { ...plain, body, headers })).status, 200);
  const [received] = google.requests;
  assert.equal(received?.headers["content-encoding"], undefined);
  assert.equal((received?.json as { model?: string })?.model, "gemini-2.5-pro");
});
