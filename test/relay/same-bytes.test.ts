// Every route that passes an answer through: its client gets the very bytes that the provider sent, however they are coded, cut and
// framed, and all of those that came before a connection broke.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AccountType } from "../../src/domain/family.ts";
import type { Behaviour } from "../support/behaviour.ts";
import { type ClientRequest, send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { cases } from "./cases.ts";

const { claude, gemini, openai, chatNative } = cases;
const question = { contents: [{ role: "user", parts: [{ text: "Grüß Gott" }] }] };
const turn = { model: "claude-opus-5-5", max_tokens: 9, messages: [{ role: "user", content: "Grüß Gott" }] };

interface NativeRoute {
  type: AccountType;
  request: ClientRequest;
  isStream?: boolean;
}

const routes: Record<string, NativeRoute> = {
  "Claude Messages, streamed": { type: "claude-api", request: claude.request(), isStream: true },
  "Claude Messages, whole": { type: "claude-api", request: claude.request({ stream: false }) },
  "Claude's token count": {
    type: "claude-api",
    request: { path: "/v1/messages/count_tokens", body: turn },
  },
  "a model of Claude's": { type: "claude-api", request: { path: "/v1/models/claude-opus-5-5" } },
  "Gemini as an event stream": { type: "gemini-api", request: gemini.request(), isStream: true },
  "Gemini as a JSON array": {
    type: "gemini-api",
    request: { path: "/v1beta/models/gemini-2.5-pro:streamGenerateContent", body: question },
    isStream: true,
  },
  "Gemini, whole": { type: "gemini-api", request: gemini.request({ stream: false }) },
  "Gemini under v1alpha": {
    type: "gemini-api",
    request: { path: "/gemini/v1alpha/models/gemini-2.5-pro:generateContent", body: question },
  },
  "Gemini's token count": {
    type: "gemini-api",
    request: { path: "/v1beta/models/gemini-2.5-pro:countTokens", body: question },
  },
  "OpenAI Responses, streamed": { type: "openai-responses", request: openai.request(), isStream: true },
  "OpenAI Responses, whole": { type: "openai-responses", request: openai.request({ stream: false }) },
  "OpenAI's compaction": {
    type: "openai-responses",
    request: { path: "/v1/responses/compact", body: { model: "gpt-5", input: [] } },
  },
  "OpenAI's token count": {
    type: "openai-responses",
    request: { path: "/v1/responses/input_tokens", body: { model: "gpt-5", input: "Grüß Gott" } },
  },
  "a stored response": { type: "openai-responses", request: { path: "/v1/responses/resp_1" } },
  "Chat Completions as they come, streamed": {
    type: "openai-responses",
    request: chatNative.request(),
    isStream: true,
  },
  "Chat Completions as they come, whole": {
    type: "openai-responses",
    request: chatNative.request({ stream: false }),
  },
};

const forms: Record<string, Behaviour> = {
  "at once": { chunking: "merged" },
  "in single bytes": { chunking: "byte" },
  "cut inside of characters": { chunking: "utf8" },
  "in gzip": { encoding: "gzip" },
  "in br": { encoding: "br" },
  "in zstd": { encoding: "zstd" },
  "in deflate": { encoding: "deflate" },
  "as a refusal of the request": {
    status: 422,
    body: Buffer.from('{ "error" :\t{"message":"\\u00fc ü"} }\r\n\n'),
  },
  "as a refusal that is no text": {
    status: 422,
    body: Buffer.from([0xff, 0, 0xc3, 0x28, 0x0d, 0x0a, 0xf0, 0x9f]),
  },
};

for (const [name, { type, request, isStream = false }] of Object.entries(routes)) {
  test(`${name}: every form of an answer comes through byte for byte`, async (t) => {
    const { upstream, relay } = await setStage(t, { type });
    const accepting = {
      ...request,
      headers: [...(request.headers ?? []), "accept-encoding", "gzip, br, zstd, deflate"],
    };
    for (const [form, behaviour] of Object.entries(forms)) {
      upstream.on(() => true, behaviour);
      const answer = await send(relay.url, accepting);
      const { sentBody, credential } = upstream.requests.at(-1)!;
      assert.equal(credential, "key-of-first", form);
      assert.equal(answer.end, "clean", form);
      assert.equal(answer.header("content-encoding"), behaviour.encoding, form);
      assert.ok(sentBody.length > 0, form);
      assert.ok(answer.body.equals(sentBody), form);
    }
  });

  if (!isStream) continue;

  test(`${name}: what came before a connection broke comes through byte for byte, coded or not`, async (t) => {
    const { upstream, relay } = await setStage(t, { type });
    for (const encoding of [undefined, "gzip", "zstd"] as const) {
      for (const cut of [
        { afterEvents: 9, how: "rst" },
        { afterEvents: 9, how: "fin" },
      ] as const) {
        upstream.on(() => true, { events: 30, encoding, cut });
        const answer = await send(relay.url, {
          ...request,
          headers: [...(request.headers ?? []), "accept-encoding", "gzip, zstd"],
        });
        const { sentBody } = upstream.requests.at(-1)!;
        const what = `${encoding} ${cut.how}`;
        assert.deepEqual([answer.status, answer.end], [200, "cut"], what);
        assert.ok(sentBody.length > 0, what);
        assert.ok(answer.body.equals(sentBody), what);
      }
    }
  });

  test(`${name}: a large event comes through byte for byte, coded or not`, async (t) => {
    const { upstream, relay } = await setStage(t, { type });
    for (const encoding of [undefined, "gzip"] as const) {
      upstream.on(() => true, { hugeEventBytes: 1_200_000, encoding });
      const answer = await send(relay.url, {
        ...request,
        headers: [...(request.headers ?? []), "accept-encoding", "gzip"],
      });
      assert.equal(answer.end, "clean");
      assert.ok(answer.body.equals(upstream.requests.at(-1)!.sentBody), String(encoding));
    }
  });
}
