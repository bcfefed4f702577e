// The shared suite over Chat Completions, and what a client is told of the conversion.

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
    const warned = await send(relay.url, { ...request, body: { ...Object(body), seed: 7, user: "someone" } });
    assert.deepEqual([warned.status, warned.header("x-cc-relay-warning")], [200, "seed dropped"]);
    const whole = await send(relay.url, { ...request, body });
    assert.equal(whole.header("x-cc-relay-warning"), undefined);
  }
});
