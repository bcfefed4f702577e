// A provider may begin a stream with an error although no stream was asked for: the client gets an error answer of its API.

import assert from "node:assert/strict";
import { test } from "node:test";
import { begin } from "../support/client.ts";
import { startRelay } from "../support/relay.ts";
import { startUpstream } from "../support/upstream.ts";
import { accountsOf, cases } from "./cases.ts";

test("an unstreamed chat request that every account answers with an error event gets an error answer", async (t) => {
  const { chat } = cases;
  const upstream = await startUpstream({ family: chat.family });
  t.after(() => upstream.close());
  upstream.on(
    () => true,
    () => chat.firstEventError,
  );
  const relay = await startRelay({ accounts: accountsOf(chat, { url: upstream.url, ids: ["a", "b"] }) });
  t.after(() => relay.close());
  const asked = begin(relay.url, chat.request({ session: "s", stream: false, text: "hi" }));
  const answer = await (await asked.answer).finish();
  assert.equal(answer.status, 503);
  assert.deepEqual(answer.json(), {
    error: {
      message: "scripted overloaded_error",
      param: null,
      code: "server_is_overloaded",
      type: "server_error",
    },
  });
});
