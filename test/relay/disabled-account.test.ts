// A session whose account is disabled while an answer of it is under way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

test("an answer that was under way when its account was disabled brings no session back to it", async (t) => {
  const stage = await setStage(t);
  const ask = () =>
    send(stage.relay.url, {
      path: "/v1/messages",
      headers: ["x-claude-code-session-id", "one"],
      body: {
        model: "claude-opus-5-5",
        max_tokens: 10,
        stream: true,
        messages: [{ role: "user", content: "Hello" }],
      },
    });
  const setFirst = (enabled: boolean) =>
    stage.relay.reconfigure((config) => ({
      ...config,
      accounts: config.accounts.map((one) => (one.id === "first" ? { ...one, enabled } : one)),
    }));
  const { promise: isDisabled, resolve } = Promise.withResolvers<void>();
  stage.upstream.queue("key-of-first", { gate: () => isDisabled });
  const underWay = ask();
  await until("the first account is asked", () => stage.upstream.requests.length === 1);
  await setFirst(false);
  resolve();
  assert.equal((await underWay).header("x-cc-relay-account"), "first");
  assert.equal((await ask()).header("x-cc-relay-account"), "second");
  await setFirst(true);
  assert.equal((await ask()).header("x-cc-relay-account"), "second");
});
