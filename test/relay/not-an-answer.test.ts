// A good status does not make an answer: what is not one of the API that was asked moves the request on, and is never shown for one.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Behaviour } from "../support/behaviour.ts";
import { send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { cases, type DialectCase } from "./cases.ts";

const html = "<!DOCTYPE html><html><title>Sign in</title><body>Hotel network</body></html>";
const bodies: Record<string, Behaviour> = {
  "a web page": { body: html, headers: { "content-type": "text/html" } },
  "a web page labelled as JSON": { body: html, headers: { "content-type": "application/json" } },
  "a web page labelled as events": { body: html, headers: { "content-type": "text/event-stream" } },
  "plain text": { body: "OK", headers: { "content-type": "text/plain" } },
  nothing: { body: "" },
  "204": { status: 204, body: "" },
  "an array": { body: [{ type: "message" }] },
  "an error": { body: { error: { message: "upstream", code: "x" } } },
  "an error that blames the request": {
    body: { type: "error", error: { type: "invalid_request_error", message: "no" } },
  },
  "a code": { body: { code: 500, msg: "fail" } },
  "another API's JSON": { body: { object: "chat.completion", choices: [{ message: { content: "hi" } }] } },
  "another API's events": {
    body: 'data: {"object":"chat.completion.chunk","choices":[]}\n\ndata: [DONE]\n\n',
    headers: { "content-type": "text/event-stream" },
  },
  "compressed web page": { body: html, encoding: "gzip" },
};

const dialects: [DialectCase, Parameters<typeof setStage>[1]][] = [
  [cases.claude, { type: "claude-api" }],
  [cases.gemini, { type: "gemini-api" }],
  [cases.openai, { type: "openai-responses" }],
  [cases.chat, { type: "claude-api" }],
];

for (const [dialect, options] of dialects) {
  describe(dialect.name, () => {
    for (const [what, behaviour] of Object.entries(bodies)) {
      test(`${what} under a good status is no answer`, async (t) => {
        const { upstream, relay, servedBy } = await setStage(t, options);
        upstream.queue("key-of-first", behaviour, behaviour);
        for (const stream of [false, true]) {
          const answer = await send(relay.url, dialect.request({ stream }));
          assert.deepEqual([answer.status, answer.end], [200, "clean"], answer.text);
          assert.equal(answer.header("x-cc-relay-account"), "second");
        }
        assert.deepEqual(servedBy().slice(0, 2), ["first", "second"]);
        upstream.on(() => true, behaviour);
        const refused = await send(relay.url, dialect.request());
        assert.equal(refused.status, 502, refused.text);
        assert.ok(refused.header("x-cc-relay-error"));
        assert.doesNotMatch(refused.text, /Hotel|<html/);
        assert.match(refused.text, /"error"/);
      });
    }

    for (const label of ["text/plain", undefined]) {
      test(`an event stream labelled ${label} is counted, and its missing end is a truncation`, async (t) => {
        const { upstream, relay } = await setStage(t, options);
        upstream.queue("key-of-first", { headers: { "content-type": label } });
        const whole = await send(relay.url, dialect.request());
        assert.deepEqual([whole.status, whole.end], [200, "clean"]);
        const { total } = await relay.store.usage.summarize({
          since: 0,
          until: Date.now() + 1000,
          by: "day",
        });
        assert.deepEqual(total.tokens, upstream.total());
        upstream.queue("key-of-first", {
          headers: { "content-type": label },
          events: 10,
          cut: { afterEvents: 5, how: "clean" },
        });
        const cut = await send(relay.url, dialect.request());
        if (dialect.isConverted) assert.match(cut.text, /data: \{"error":/);
        assert.equal(cut.end, "cut");
      });
    }

    test("a stream of an announced length without its last event is broken off", async (t) => {
      if (!dialect.isNative) return;
      const { upstream, relay } = await setStage(t, options);
      upstream.queue("key-of-first", {
        events: 10,
        wire: { framing: "length", cut: "between", pauseMs: 30, dropsLast: 3 },
      });
      const cut = await send(relay.url, dialect.request());
      assert.deepEqual([cut.status, cut.end], [200, "cut"]);
      assert.ok(cut.body.length < upstream.requests[0]!.bytesSent);
    });
  });
}
