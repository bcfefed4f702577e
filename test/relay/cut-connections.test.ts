// Connections that end: the client's when its answer is truncated, and the provider's kept ones that were closed meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type RawEnd, send, sendToEnd } from "../support/client.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;

function post(version: string, { stream } = { stream: true }): string {
  const body = String(claude.request({ stream }).body);
  return `POST /v1/messages HTTP/${version}\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}

function sendBytes({ relay }: Stage, bytes: string): Promise<RawEnd> {
  return sendToEnd(Number(new URL(relay.url).port), bytes);
}

for (const how of ["rst", "fin", "clean"] as const) {
  for (const version of ["1.1", "1.0"]) {
    test(`an answer that the provider cuts (${how}) is reset in HTTP/${version} after all that had come: some clients ask again only then`, async (t) => {
      const stage = await setStage(t);
      stage.upstream.queue("key-of-first", { events: 10, cut: { afterEvents: 5, how } });
      const { text, error } = await sendBytes(stage, post(version));
      assert.equal(error, "ECONNRESET");
      assert.match(text, /^HTTP\/1\.1 200 /);
      assert.equal(text.match(/^event: /gm)?.length, 5);
      assert.doesNotMatch(text, /\r\n0\r\n\r\n$/);
    });
  }
}

test("a document whose beginning has gone out is reset when the provider ends it before it is whole", async (t) => {
  const stage = await setStage(t);
  const content = "x".repeat(3 * 1024 * 1024);
  stage.upstream.queue("key-of-first", { content, cut: { afterBytes: 2 * 1024 * 1024, how: "clean" } });
  const { text, error } = await sendBytes(stage, post("1.1", { stream: false }));
  assert.equal(error, "ECONNRESET");
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.doesNotMatch(text, /\r\n0\r\n\r\n$/);
  const usage = await stage.relay.store.usage.summarize({
    since: 0,
    until: Date.now() + 1000,
    by: "account",
  });
  assert.deepEqual([usage.total.requests, usage.total.errors], [1, 1]);
});

test("a session whose answer breaks off on its account goes on at another, which a single account is spared", async (t) => {
  const cut = { cut: { afterEvents: 4, how: "rst" } } as const;
  for (const ids of [["first", "second"], ["first"]]) {
    const { upstream, relay, servedBy } = await setStage(t, { ids });
    const ask = () => send(relay.url, claude.request({ session: "home" }));
    upstream.queue("key-of-first", cut);
    for (const end of ["cut", "clean"]) assert.equal((await ask()).end, end);
    assert.deepEqual(servedBy(), ["first", ids.at(-1)]);
  }
});

test("when the only account's document ends before it is whole, and nothing has gone out, that is said", async (t) => {
  const { upstream, relay } = await setStage(t, { ids: ["only"] });
  upstream.queue("key-of-only", { cut: { afterBytes: 20, how: "clean" } });
  const answer = await send(relay.url, claude.request({ stream: false }));
  assert.deepEqual([answer.status, answer.header("x-cc-relay-error")], [502, "upstream_invalid"]);
  assert.match(
    answer.text,
    /127\.0\.0\.1 gave no usable answer on account only \(the answer ended inside of its JSON\); send the request again\./,
  );
});

test("a body of the announced length that ends inside of its JSON is no answer", async (t) => {
  const { upstream, relay, servedBy } = await setStage(t);
  upstream.queue("key-of-first", { body: '{"type":"message","content":[' });
  const answer = await send(relay.url, claude.request({ stream: false }));
  assert.deepEqual([answer.status, answer.end], [200, "clean"]);
  assert.deepEqual(servedBy(), ["first", "second"]);
});

test("a whole answer in HTTP/1.0 ends in order", async (t) => {
  const { text, error } = await sendBytes(await setStage(t), post("1.0"));
  assert.equal(error, undefined);
  assert.match(text, /message_stop/);
});

test("a provider that closes kept connections costs no account its turn", async (t) => {
  const { upstream, relay, servedBy } = await setStage(t);
  upstream.on(() => true, { closeAfter: true });
  for (let index = 0; index < 40; index++) {
    const answer = await send(relay.url, claude.request({ stream: index % 2 === 0 }));
    assert.equal(answer.header("x-cc-relay-account"), "first");
  }
  assert.deepEqual([...new Set(servedBy())], ["first"]);
  assert.equal(relay.log.filter(({ level }) => level === "warn").length, 0);
});

test("connections that were all dropped while idle are noticed by nobody", async (t) => {
  const { upstream, relay } = await setStage(t);
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => send(relay.url, claude.request({ session: `s${index}` }))),
    );
    assert.ok(answers.every((answer) => answer.header("x-cc-relay-account") === "first"));
    upstream.dropConnections();
  }
});
