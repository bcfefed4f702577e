// Path tricks: over every route with an id and every method, nothing but plain ids goes upstream.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { send, sendRaw } from "../support/client.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

let upstream: ScriptedUpstream;
let relay: TestRelay;

before(async () => {
  upstream = await startUpstream();
  relay = await startRelay({
    accounts: [
      testAccount("c", "claude-api", upstream.url),
      testAccount("o", "openai-responses", upstream.url),
      testAccount("g", "gemini-api", upstream.url),
    ],
  });
});
after(async () => {
  await relay.close();
  await upstream.close();
});

const routes = [
  "/v1/models/ID",
  "/claude/v1/models/ID",
  "/v1/responses/ID",
  "/openai/v1/responses/ID",
  "/openai/v1/responses/ID/cancel",
  "/v1/responses/ID/input_items",
  "/openai/v1/models/ID",
  "/v1beta/models/ID",
  "/gemini/v1alpha/tunedModels/ID",
  "/v1/models/ID:generateContent",
  "/gemini/v1beta/models/ID:countTokens",
  "/v1internal/operations/ID",
];
const tricks = ["..", "%2e%2e", "..%2ffiles%2fID", "..%2f..%2fx", "%2e", "a%5c..%5cb", "%252e%252e", "a%00"];
const methods = ["GET", "HEAD", "POST", "DELETE", "PUT", "PATCH"];

test("every trick on every route and method is 400, and nothing goes upstream", async () => {
  for (const route of routes) {
    for (const trick of tricks) {
      for (const method of methods) {
        const path = route.replace("ID", trick);
        const body = method === "POST" ? { body: "{}" } : {};
        const answer = await send(relay.url, { method, path, ...body });
        assert.equal(answer.status, 400, `${method} ${path}`);
        assert.equal(answer.header("x-cc-relay-error"), "invalid_request", `${method} ${path}`);
      }
    }
  }
  assert.equal(upstream.requests.length, 0);
});

test("a model's name with an encoded slash goes upstream as it was written", async () => {
  await send(relay.url, { path: "/openai/v1/models/openai%2Fgpt-5" });
  assert.equal(upstream.requests.at(-1)?.url, "/v1/models/openai%2Fgpt-5");
});

async function raw(head: string): Promise<string> {
  return String(await sendRaw(Number(new URL(relay.url).port), `${head}\r\nConnection: close\r\n\r\n`));
}

test("two Host headers are 400, whatever they say", async () => {
  for (const second of ["127.0.0.1", "evil.example"]) {
    const answer = await raw(`GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nhOST: ${second}`);
    assert.match(answer, /^HTTP\/1\.1 400 /, second);
  }
});

test("an absolute target whose host is not the relay's is refused", async () => {
  const ask = (authority: string) => raw(`GET http://${authority}/health HTTP/1.1\r\nHost: 127.0.0.1`);
  assert.match(await ask("127.0.0.1:3000"), /^HTTP\/1\.1 200 /);
  for (const authority of ["evil.example", "127.0.0.1@evil.example", "", "api.anthropic.com:443"])
    assert.match(await ask(authority), /^HTTP\/1\.1 403 /, authority);
});
