// `[models]`: aliases, and chains of models whose next one is asked for when every account is out for the one before.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { ModelReplacement } from "../../src/config/config.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { send } from "../support/client.ts";
import { startRelay, testAccount } from "../support/relay.ts";
import { startUpstream } from "../support/upstream.ts";

async function setNames(t: TestContext, models: ModelReplacement[]) {
  const upstream = await startUpstream();
  const accounts = [
    testAccount("first", "claude-api", upstream.url, { priority: 200 }),
    testAccount("second", "claude-api", upstream.url),
    testAccount("open", "openai-responses", upstream.url),
    testAccount("google", "gemini-api", upstream.url),
  ];
  const relay = await startRelay({ accounts, configure: (config) => ({ ...config, models }) });
  t.after(() => Promise.all([relay.close(), upstream.close()]));
  return { relay, upstream };
}

const spelled = (model: string) =>
  `{ "x":"\\u00e9", "model" : "${model}","messages":[{"role":"user","content":"the model is claude-opus-5"}], "max_tokens":1e2,"metadata":{"model":"claude-opus-5"}}`;
const messages = (model: string) => ({
  path: "/v1/messages",
  headers: ["anthropic-version", "2023-06-01", "content-type", "application/json"],
  body: spelled(model),
});
const limited = () => claudeFailures.windowRejected("5h", Date.now() + 7_200_000);

test("an alias changes the bytes of that one value; header, log and usage have both names", async (t) => {
  const { relay, upstream } = await setNames(t, [
    { pattern: "none-*", targets: ["claude-haiku-5-5"] },
    { pattern: "claude-opus-*", targets: ["claude-opus-5-5"] },
    { pattern: "*", targets: ["claude-haiku-4-5"] },
  ]);
  const answer = await send(relay.url, messages("claude-opus-5"));
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.header("x-cc-relay-model"), "claude-opus-5-5");
  assert.equal(upstream.requests[0]?.body.toString(), spelled("claude-opus-5-5"));
  const line = relay.log.find(({ message }) => message === "request");
  assert.deepEqual([line?.fields.model, line?.fields.sent_model], ["claude-opus-5", "claude-opus-5-5"]);
  const { rows } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "model" });
  assert.equal(rows[0]?.key, "claude-opus-5");
  assert.ok((rows[0]?.costUsd ?? 0) > 0);
});

test("without a pattern that fits nothing is replaced", async (t) => {
  const { relay, upstream } = await setNames(t, [{ pattern: "gpt-*", targets: ["gpt-5"] }]);
  const answer = await send(relay.url, messages("claude-opus-5"));
  assert.equal(answer.header("x-cc-relay-model"), undefined);
  assert.equal(upstream.requests[0]?.body.toString(), spelled("claude-opus-5"));
});

test("a chain goes on only when every account is out for the model before, and comes back with them", async (t) => {
  const targets = ["claude-opus-5-5", "claude-haiku-4-5"];
  const { relay, upstream } = await setNames(t, [{ pattern: "best", targets }]);
  const served = async () => {
    const answer = await send(relay.url, messages("best"));
    assert.equal(answer.status, 200, answer.text);
    return [answer.header("x-cc-relay-account"), answer.header("x-cc-relay-model")];
  };
  upstream.queue("key-of-first", claudeFailures.modelWindowRejected(Date.now() + 7_200_000));
  assert.deepEqual(await served(), ["second", "claude-opus-5-5"]);
  upstream.queue("key-of-second", claudeFailures.modelWindowRejected(Date.now() + 7_200_000));
  assert.deepEqual(await served(), ["second", "claude-haiku-4-5"]);
  assert.deepEqual(await served(), ["second", "claude-haiku-4-5"]);
  assert.deepEqual(
    upstream.requests.map((request) => request.body.toString()),
    [
      ...["claude-opus-5-5", "claude-opus-5-5", "claude-opus-5-5"],
      ...["claude-haiku-4-5", "claude-haiku-4-5"],
    ].map(spelled),
  );
});

test("a refusal of the request is no reason for the next model", async (t) => {
  const { relay, upstream } = await setNames(t, [
    { pattern: "best", targets: ["claude-opus-5-5", "claude-haiku-4-5"] },
  ]);
  upstream.on(() => true, {
    status: 400,
    body: { type: "error", error: { type: "invalid_request_error", message: "no" } },
  });
  const answer = await send(relay.url, messages("best"));
  assert.deepEqual([answer.status, upstream.requests.length], [400, 1]);
  assert.equal(answer.header("x-cc-relay-model"), "claude-opus-5-5");
});

test("when every model of a chain is out the earliest return is reported", async (t) => {
  const { relay, upstream } = await setNames(t, [
    { pattern: "best", targets: ["claude-opus-5-5", "claude-haiku-4-5"] },
  ]);
  upstream.on(() => true, limited());
  const answer = await send(relay.url, messages("best"));
  assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [429, "all_limited"]);
  assert.equal(upstream.requests.length, 2);
});

test("a model in the path is replaced there, and one in a coded body in what is decoded", async (t) => {
  const { relay, upstream } = await setNames(t, [
    { pattern: "gemini-fast", targets: ["gemini-2.5-pro"] },
    { pattern: "gpt-fast", targets: ["gpt-5"] },
  ]);
  const contents = '{"contents":[{"role":"user","parts":[{"text":"q"}]}]}';
  const google = await send(relay.url, {
    path: "/v1beta/models/gemini-fast:generateContent?alt=json",
    body: contents,
  });
  assert.equal(google.header("x-cc-relay-model"), "gemini-2.5-pro", google.text);
  assert.equal(upstream.requests[0]?.url, "/v1beta/models/gemini-2.5-pro:generateContent?alt=json");
  assert.equal(upstream.requests[0]?.body.toString(), contents);
  const body = gzipSync('{"model":"gpt-fast", "input":"q"}');
  const headers = ["content-type", "application/json", "content-encoding", "gzip"];
  assert.equal((await send(relay.url, { path: "/v1/responses", headers, body })).status, 200);
  assert.equal(upstream.requests[1]?.body.toString(), '{"model":"gpt-5", "input":"q"}');
  assert.equal(upstream.requests[1]?.headers["content-encoding"], undefined);
});

test("on the chat route the replaced name decides who answers, in a chain for each name anew", async (t) => {
  const { relay, upstream } = await setNames(t, [{ pattern: "best", targets: ["claude-opus-5-5", "gpt-5"] }]);
  const body = { model: "best", messages: [{ role: "user", content: "q" }], max_tokens: 10 };
  const ask = () => send(relay.url, { path: "/v1/chat/completions", body });
  const first = await ask();
  assert.deepEqual([first.status, first.header("x-cc-relay-model")], [200, "claude-opus-5-5"], first.text);
  assert.equal(upstream.requests[0]?.path, "/v1/messages");
  upstream.on("key-of-first", limited());
  upstream.on("key-of-second", limited());
  const next = await ask();
  assert.deepEqual([next.status, next.header("x-cc-relay-model")], [200, "gpt-5"], next.text);
  assert.equal(upstream.requests.at(-1)?.body.toString(), JSON.stringify({ ...body, model: "gpt-5" }));
});

test("embeddings keep their model: the vectors of another one would not fit those that are there", async (t) => {
  const { relay, upstream } = await setNames(t, [{ pattern: "*embedding*", targets: ["gemini-2.5-pro"] }]);
  for (const method of ["embedContent", "batchEmbedContents"]) {
    const path = `/v1beta/models/gemini-embedding-001:${method}`;
    const body = `{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"x"}]}}`;
    const answer = await send(relay.url, { path, headers: ["content-type", "application/json"], body });
    assert.equal(answer.header("x-cc-relay-model"), undefined);
    const sent = upstream.requests.at(-1)!;
    assert.deepEqual([sent.url, sent.body.toString()], [path, body]);
  }
});
