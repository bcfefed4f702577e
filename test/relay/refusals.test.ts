// Refusals that no account is to blame for: a firewall's, one that nothing known explains, and one that every account gives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { cooldownFor } from "../../src/accounts/account.ts";
import type { Behaviour } from "../support/behaviour.ts";
import { claudeError, claudeFailures } from "../support/claude-script.ts";
import { memorySource } from "../support/memory-client.ts";
import { startPipeline } from "../support/pipeline.ts";

const body = {
  model: "claude-opus-5-5",
  max_tokens: 10,
  stream: true,
  messages: [{ role: "user", content: "Hi" }],
};

const firewall: Behaviour = {
  status: 403,
  headers: { "content-type": "text/html", server: "cloudflare", "cf-ray": "8f00ba4-FRA" },
  body: "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body>blocked</body></html>",
};

test("a firewall's page leads to the next account, and blames none", async (t) => {
  const { upstream, ask, deps } = await startPipeline(t, ["a", "b"]);
  upstream.queue("key-of-a", firewall);
  const sink = await ask("/v1/messages", memorySource(body));
  assert.deepEqual([sink.head?.status, upstream.requests.length], [200, 2]);
  assert.equal(cooldownFor(deps.pool.account("a")!, "opus", Date.now()), undefined);
});

test("a firewall's page on every account is reported in the API's form, with its ray id, and never shown", async (t) => {
  const { upstream, ask } = await startPipeline(t, ["a", "b"]);
  for (const id of ["a", "b"]) upstream.queue(`key-of-${id}`, firewall);
  const sink = await ask("/v1/messages", memorySource(body));
  assert.equal(sink.head?.status, 529);
  assert.ok(sink.head?.headers.includes("edge_refused"));
  assert.match(sink.text, /edge of .* refused.*8f00ba4-FRA/);
  assert.doesNotMatch(sink.text, /<html/);
  upstream.queue("key-of-a", firewall);
  upstream.queue("key-of-b", firewall);
  const chat = await ask("/v1/chat/completions", memorySource(body));
  assert.equal(chat.head?.status, 503);
});

for (const [status, page] of [
  [530, "<!DOCTYPE html><title>Error 1033</title>"],
  [502, "<html><title>502: Bad gateway</title></html>"],
  [520, '<?xml version="1.0"?><html></html>'],
  [522, "<!-- edge --><html></html>"],
  [529, "<head><title>Overloaded</title></head>"],
] as const) {
  test(`a page with ${status} on every account is reported in the API's form, and never shown`, async (t) => {
    const { upstream, ask } = await startPipeline(t, ["a", "b"]);
    const broken: Behaviour = { status, headers: { "content-type": "text/plain" }, body: page };
    for (const id of ["a", "b"]) upstream.queue(`key-of-${id}`, broken, broken);
    const sink = await ask("/v1/messages", memorySource(body));
    assert.deepEqual([sink.head?.status, upstream.requests.length], [529, 2]);
    assert.equal(JSON.parse(sink.text).type, "error");
    assert.doesNotMatch(sink.text, /<(?:html|head|!|\?)/);
    const chat = await ask("/v1/chat/completions", memorySource(body));
    assert.equal(chat.head?.status, 503);
  });
}

test("a refusal that nothing known explains goes to one other account, then unchanged to the client", async (t) => {
  const { upstream, ask, deps } = await startPipeline(t, ["a", "b", "c"]);
  const refusal = claudeError(403, { message: "Web search is not enabled for this organization." });
  for (const id of ["a", "b"]) upstream.queue(`key-of-${id}`, refusal);
  const sink = await ask("/v1/messages", memorySource(body));
  assert.deepEqual([sink.head?.status, upstream.requests.length], [403, 2]);
  assert.match(sink.text, /Web search is not enabled/);
  for (const account of deps.pool.accounts) assert.equal(cooldownFor(account, "opus", Date.now()), undefined);
});

test("a request that every account refuses alike takes no account out for longer than a minute", async (t) => {
  const { upstream, ask, deps } = await startPipeline(t, ["a", "b"]);
  for (const id of ["a", "b"]) upstream.queue(`key-of-${id}`, claudeFailures.unauthorized());
  const sink = await ask("/v1/messages", memorySource(body));
  assert.equal(sink.head?.status, 503);
  for (const account of deps.pool.accounts) {
    const cooldown = cooldownFor(account, "opus", Date.now());
    assert.ok(cooldown && cooldown.until - Date.now() <= 60_000, account.config.id);
  }
});

test("a free request begins no cooldown, and its client hears of the limit", async (t) => {
  const { upstream, ask, deps } = await startPipeline(t, ["a", "b"]);
  for (const id of ["a", "b"]) upstream.queue(`key-of-${id}`, claudeFailures.bucketEmpty(90));
  const sink = await ask("/v1/messages/count_tokens", memorySource(body));
  assert.equal(sink.head?.status, 429);
  for (const account of deps.pool.accounts) assert.equal(cooldownFor(account, "opus", Date.now()), undefined);
});

test("a redirect is not followed, and is 502 when no account is left, also the third time", async (t) => {
  const { upstream, ask } = await startPipeline(t, ["a"]);
  for (let time = 0; time < 3; time++) {
    upstream.queue("key-of-a", { status: 302, headers: { location: `${upstream.url}/elsewhere` }, body: "" });
    const sink = await ask("/v1/messages", memorySource(body));
    assert.equal(sink.head?.status, 502);
    assert.equal(upstream.requests.length, time + 1);
  }
});
