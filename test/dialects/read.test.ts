import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dialects, matchRoute } from "../../src/dialects/registry.ts";
import { draws } from "../support/draws.ts";
import { claudeCode, codex, geminiCli, read } from "./reading.ts";

test("members of the wrong type are as good as absent", () => {
  const odd = {
    model: 5,
    stream: "true",
    metadata: "x",
    messages: 3,
    system: 7,
    input: 4,
    contents: false,
    prompt_cache_key: [],
  };
  for (const target of ["/v1/messages", "/v1/responses", "/v1internal:generateContent"]) {
    const facts = read(target, { body: odd });
    assert.deepEqual(
      { model: facts.model, stream: facts.stream, session: facts.session, binding: facts.binding },
      { model: undefined, stream: false, session: undefined, binding: undefined },
      target,
    );
  }
});

const targets = [
  "/v1/messages",
  "/v1/messages/count_tokens",
  "/v1/responses",
  "/v1/responses/resp_1/cancel",
  "/v1beta/models/m:streamGenerateContent",
  "/v1beta/models/m:batchEmbedContents",
  "/v1internal:generateContent",
];

test("no body makes a dialect throw", () => {
  const json = fc.json().map((text) => Buffer.from(text));
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  const samples = [claudeCode(2), codex({ encrypted_content: "x" }), { request: geminiCli(2) }].map((each) =>
    JSON.stringify(each),
  );
  const broken = fc
    .tuple(fc.constantFrom(...samples), fc.nat(), fc.nat(), fc.uint8Array({ maxLength: 5 }))
    .map(([sample, at, count, noise]) => {
      const body = Buffer.from(sample);
      const start = at % body.length;
      return Buffer.concat([body.subarray(0, start), noise, body.subarray(start + (count % 40))]);
    });
  fc.assert(
    fc.property(
      fc.oneof(json, bytes, broken),
      fc.constantFrom(...targets),
      fc.string(),
      (body, path, query) => {
        const found = matchRoute("POST", path);
        assert.ok(found);
        const facts = found.dialect.read(found.route, { headers: {}, query: `?${query}`, body });
        assert.equal(typeof facts.stream, "boolean");
      },
    ),
    { numRuns: draws(1500) },
  );
});

test("no path makes a dialect throw", () => {
  // Not fc.webPath(): to make it costs more than a second.
  const segment = fc.oneof(fc.string(), fc.constantFrom("v1", "v1beta", "models", "..", "%2f", "a:b", ""));
  const anyPath = fc.array(segment).map((segments) => `/${segments.join("/")}`);
  fc.assert(
    fc.property(anyPath, fc.constantFrom("GET", "POST", "DELETE", "PUT"), (path, method) => {
      for (const dialect of dialects) {
        if (dialect.match(method, path) !== undefined) assert.ok(dialect.knows(path));
      }
    }),
  );
});
