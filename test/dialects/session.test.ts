import assert from "node:assert/strict";
import test from "node:test";
import { sessionFromHeaders, sessionFromText, sessionHeaders } from "../../src/dialects/session.ts";

test("every session header is read, the most trusted first, blank ones passed over", () => {
  for (const [index, name] of sessionHeaders.entries()) {
    const weaker = Object.fromEntries(sessionHeaders.slice(index).map((each) => [each, `from ${each}`]));
    assert.equal(sessionFromHeaders(weaker), `from ${name}`);
    const blank = Object.fromEntries(sessionHeaders.slice(0, index).map((each) => [each, " "]));
    assert.equal(sessionFromHeaders({ ...weaker, ...blank }), `from ${name}`);
  }
  assert.equal(sessionFromHeaders({ "session-id": ["a", "b"] }), "a");
  assert.equal(sessionFromHeaders({ "user-agent": "x" }), undefined);
});

test("an opening text is distinguished from every other, and no text is no session", () => {
  assert.equal(sessionFromText(["a", "b"]), sessionFromText(["a", "b"]));
  assert.notEqual(sessionFromText(["a"]), sessionFromText(["b"]));
  assert.notEqual(sessionFromText(["ab", "c"]), sessionFromText(["a", "bc"]));
  assert.notEqual(sessionFromText(["a", ""]), sessionFromText(["", "a"]));
  assert.equal(sessionFromText(["", ""]), undefined);
});
