// What it costs to find out whether an account can serve a call.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "../../src/domain/call.ts";
import { findUnfit } from "../../src/relay/can-serve.ts";
import { account, start } from "../accounts/fakes.ts";

const image = '{"messages":[{"content":[{"type":"image"}]}]}';
const call = {
  dialect: "claude",
  family: "claude",
  operation: "generate",
  model: "claude-opus-5-5",
  body: [Buffer.from(image.slice(0, 20)), Buffer.from(image.slice(20))],
} as unknown as Call;

test("a body in several pieces is joined for an account that refuses something, and for no other", (t) => {
  const concat = t.mock.method(Buffer, "concat");
  assert.equal(findUnfit(account("a"), call, start), undefined);
  assert.equal(concat.mock.callCount(), 0);
  assert.deepEqual(findUnfit(account("b", { refuses: ["image"] }), call, start), {
    kind: "content",
    what: "image",
  });
});
