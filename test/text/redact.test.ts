import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { holdsSecret, redact } from "../../src/text/redact.ts";
import { threadTime } from "../support/thread-time.ts";

const shaped: [string, string][] = [
  ["invalid x-api-key sk-ant-api03-abc_DEF-123", "invalid x-api-key sk-ant-***"],
  ["Incorrect API key provided: sk-proj-abcdef123456.", "Incorrect API key provided: sk-***."],
  ["key AIzaSyD-1234567890abcdefg not valid", "key AIza*** not valid"],
  ["token ya29.a0AfH6SMBx-y_z expired", "token ya29.*** expired"],
  ["refresh 1//0gAbCdEfGhIjKlMn failed", "refresh 1//0*** failed"],
  ["Authorization: Bearer relay-key-1", "Authorization: Bearer ***"],
  ["authorization: bearer sk-ant-oat01-abcdef", "authorization: bearer sk-ant-***"],
  ["Basic dXNlcjpwYXNz1234", "Basic ***"],
  ["jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def", "jwt eyJ***"],
  ["GET /v1beta/models?key=abc&alt=sse", "GET /v1beta/models?key=***&alt=sse"],
  ["via http://user:pass@proxy:8080/x", "via http://***@proxy:8080/x"],
];

describe("redact", () => {
  for (const [text, safe] of shaped) {
    it(`makes "${safe}"`, () => {
      assert.equal(redact(text), safe);
      assert.equal(holdsSecret(text), true);
    });
  }

  it("leaves ordinary sentences alone", () => {
    for (const text of [
      "the bearer token is missing",
      "a basic authentication header was sent",
      "task-list-with-long-name and disk-usage",
      "https://api.anthropic.com/v1/messages?beta=true",
      "mail someone@example.org about it",
    ]) {
      assert.equal(redact(text), text);
    }
  });

  it("replaces a long known secret everywhere and a short one only where it is alone", () => {
    assert.equal(redact("xxlaptop-keyxx", ["laptop-key"]), "xx***xx");
    assert.equal(redact("abcd abcde (abcd)", ["abcd"]), "*** abcde (***)");
    assert.equal(redact("a b c", ["a", ""]), "a b c");
  });

  it("lets no known secret of eight characters or more through", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), fc.string(), fc.string(), (secret, before, after) => {
        fc.pre(
          !/^\**$/.test(secret) && !before.includes("*") && !after.includes("*") && !secret.includes("*"),
        );
        assert.equal(redact(before + secret + after, [secret]).includes(secret), false);
      }),
    );
  });

  it("takes linear time for hostile text", () => {
    for (const text of [
      "sk-".repeat(100_000),
      "://".repeat(100_000),
      "bearer ".repeat(50_000),
      "eyJa.".repeat(60_000),
    ]) {
      const started = threadTime();
      redact(text);
      assert.ok(threadTime() - started < 1000);
    }
  });
});
