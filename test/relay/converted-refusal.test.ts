// A refusal that nothing known explains keeps what the provider said of it in the API of a converted request.

import assert from "node:assert/strict";
import { test } from "node:test";
import { memorySource } from "../support/memory-client.ts";
import { startPipeline } from "../support/pipeline.ts";

test("an unexplained 403 keeps its status and its message in OpenAI's form", async (t) => {
  const { upstream, ask } = await startPipeline(t, ["a", "b"]);
  const message = "Web search is not enabled for this organization";
  const body = { type: "error", error: { type: "permission_error", message } };
  for (const id of ["a", "b"]) upstream.queue(`key-of-${id}`, { status: 403, body });
  const request = { model: "claude-opus-5-5", max_tokens: 10, messages: [{ role: "user", content: "Hi" }] };
  const sink = await ask("/v1/chat/completions", memorySource(request));
  assert.equal(sink.head?.status, 403);
  const error = { message, type: "invalid_request_error", param: null, code: null };
  assert.deepEqual(JSON.parse(sink.text), { error });
});
