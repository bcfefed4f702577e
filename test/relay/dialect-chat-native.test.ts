// The shared suite over Chat Completions that go to an account of the openai family as they are, and what decides that they do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { send } from "../support/client.ts";
import { startRelay, testAccount } from "../support/relay.ts";
import { setStage } from "../support/stage.ts";
import { startUpstream } from "../support/upstream.ts";
import { cases } from "./cases.ts";
import { testDialect } from "./every-dialect.ts";

testDialect(cases.chatNative);

test("without include_usage the usage of a stream is unknown, and the request stays as it was", async (t) => {
  const { relay, upstream } = await setStage(t, { type: "openai-responses" });
  const body = '{"model":"gpt-5","messages":[{"role":"user","content":"q"}],"stream":true}';
  const answer = await send(relay.url, { path: "/openai/v1/chat/completions", body });
  assert.equal(answer.status, 200);
  assert.match(answer.text, /data: \[DONE\]\n\n$/);
  assert.equal(upstream.requests[0]?.body.toString(), body);
  const { rows } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "model" });
  assert.deepEqual([rows[0]?.key, rows[0]?.requests, rows[0]?.errors], ["gpt-5", 1, 0]);
  assert.equal(rows[0]?.costUsd, undefined);
});

test("the owner's configuration and the model's name decide who answers", async (t) => {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const open = testAccount("open", "openai-responses", upstream.url);
  const named = testAccount("named", "openai-responses", upstream.url, {
    models: ["claude-on-openai", "gpt-*"],
  });
  const claude = testAccount("claude", "claude-api", upstream.url);
  const adopting = testAccount("adopting", "claude-api", upstream.url, { models: ["glm-*"] });
  const disabled = { ...named, enabled: false };
  const mapped = (id: string, type: "claude-api" | "openai-responses", pattern: string) =>
    testAccount(id, type, upstream.url, { modelMap: [{ pattern, model: "glm-5.2" }] });
  const openaiGlm = mapped("openai-glm", "openai-responses", "*");
  const claudeGlm = mapped("claude-glm", "claude-api", "*");
  const login = testAccount("login", "claude-oauth", upstream.url);
  const asked: [accounts: (typeof open)[], model: string, servedBy: string | number][] = [
    [[open, claude], "gpt-5", "open"],
    [[open, claude], "claude-opus-5-5", "claude"],
    [[open, claude], "deepseek-chat", "open"],
    [[named, claude], "claude-on-openai", "named"],
    [[disabled, claude], "claude-on-openai", "claude"],
    [[open, adopting], "glm-5.2", "adopting"],
    [[open, adopting], "other", "open"],
    [[claude], "gpt-5", 503],
    [[open], "claude-opus-5-5", 503],
    // A pattern that fits everything takes what nobody else is for.
    [[openaiGlm, claude], "claude-opus-5-5", "claude"],
    [[openaiGlm, login], "claude-opus-5-5", "openai-glm"],
    [[openaiGlm], "claude-opus-5-5", "openai-glm"],
    [[openaiGlm, claude], "gpt-5", "openai-glm"],
    [[mapped("by-name", "openai-responses", "claude-*"), claude], "claude-opus-5-5", "by-name"],
    [[open, claudeGlm], "gpt-5", "open"],
    [[claudeGlm], "gpt-5", "claude-glm"],
    [[claudeGlm], "claude-opus-5-5", "claude-glm"],
    [[mapped("by-name", "claude-api", "gpt-*"), open], "gpt-5", "by-name"],
  ];
  for (const [accounts, model, servedBy] of asked) {
    const relay = await startRelay({
      accounts,
      configure: (config) => ({ ...config, apiKeys: [{ name: "k", key: "k" }] }),
    });
    try {
      const messages = [{ role: "user", content: "q" }];
      const answer = await send(relay.url, {
        path: "/v1/chat/completions",
        headers: ["authorization", "Bearer k"],
        body: { model, messages, max_tokens: 10 },
      });
      const found = answer.status === 200 ? answer.header("x-cc-relay-account") : answer.status;
      assert.equal(found, servedBy, `${model} with ${accounts.map(({ id }) => id).join()}: ${answer.text}`);
      if (answer.status !== 200)
        assert.match(
          answer.text,
          model === "gpt-5" ? /cc-relay login openai/ : /a Claude account with an API key/,
        );
    } finally {
      await relay.close();
    }
  }
});
