// The shared suite over Chat Completions, and what a client learns of the conversion.

import assert from "node:assert/strict";
import { test } from "node:test";
import { send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { cases } from "./cases.ts";
import { testDialect } from "./every-dialect.ts";

testDialect(cases.chat);

test("what the conversion loses is named in a header of the answer, streamed or not", async (t) => {
  const { relay } = await setStage(t, { type: "claude-api" });
  for (const stream of [false, true]) {
    const { body, ...request } = cases.chat.request({ stream });
    const warned = await send(relay.url, {
      ...request,
      body: { ...Object(body), max_tokens: 99, seed: 7, user: "someone" },
    });
    assert.deepEqual([warned.status, warned.header("x-cc-relay-warning")], [200, "seed dropped"]);
    const whole = await send(relay.url, { ...request, body: { ...Object(body), max_tokens: 99 } });
    assert.equal(whole.header("x-cc-relay-warning"), undefined);
  }
});

test("a body that would have to be converted has a limit of its own, reported in the API's form", async (t) => {
  const { relay, upstream } = await setStage(t, { type: "claude-api" });
  const maxConvertedBytes = 256 * 1024;
  await relay.reconfigure((config) => ({ ...config, server: { ...config.server, maxConvertedBytes } }));
  const large = await send(relay.url, cases.chat.request({ text: "x".repeat(maxConvertedBytes) }));
  assert.deepEqual([large.status, large.header("x-cc-relay-error")], [413, "body_too_large"]);
  assert.match((large.json() as { error: { message: string } }).error.message, /server\.max_converted_mb/);
  assert.equal(upstream.requests.length, 0);
  // Converted in a thread of its own, and refused from there too.
  const text = "x".repeat(maxConvertedBytes - 1000);
  assert.equal((await send(relay.url, cases.chat.request({ text }))).status, 200);
  const { body, ...request } = cases.chat.request({ text });
  const refused = await send(relay.url, { ...request, body: { ...Object(body), n: 2 } });
  assert.deepEqual(
    [refused.status, refused.json()],
    [
      400,
      {
        error: {
          message: "n: Claude gives one answer per request; leave n out.",
          type: "invalid_request_error",
          param: "n",
          code: "unsupported_value",
        },
      },
    ],
  );
});

test("a client that leaves max_tokens out gets the figure in a header, and a document though a stream was used", async (t) => {
  const { relay, upstream } = await setStage(t, { type: "claude-api" });
  const answer = await send(relay.url, cases.chat.request({ stream: false }));
  assert.equal(answer.header("x-cc-relay-warning"), "max_tokens set to 128000");
  assert.equal((answer.json() as { object: string }).object, "chat.completion");
  const { stream, max_tokens } = upstream.requests[0]!.json as { stream: boolean; max_tokens: number };
  assert.deepEqual([stream, max_tokens], [true, 128_000]);
  const { rows } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "account" });
  assert.deepEqual(rows[0]?.tokens, upstream.total());
});
