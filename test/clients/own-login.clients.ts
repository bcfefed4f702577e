// Claude Code, Codex and Gemini CLI keep their own logins, made up here, and go through the relay as `cc-relay env --own-login` sets them up:
// the login answers until it is at its limit, then a key does.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startAuthorizationServer } from "../support/authorization-server.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { geminiFailures } from "../support/gemini-script.ts";
import { openaiFailures } from "../support/openai-script.ts";
import { createSocketScript } from "../support/socket-script.ts";
import * as claude from "./claude-code.ts";
import * as codex from "./codex.ts";
import * as gemini from "./gemini-cli.ts";
import {
  claudeLogin,
  codexToken,
  googleLogin,
  logInClaude,
  logInCodex,
  logInGemini,
  runClaude,
  runCodex,
  runGemini,
} from "./own-clients.ts";
import { assertRecorded, type LoginSettings, type LoginStage, startLoginStage } from "./own-login.ts";
import { type Fault, type Model, sawBoth, withFaults } from "./task.ts";

const inTwoHours = () => Date.now() + 7_200_000;
/** From the second request on. */
const later =
  (behaviour: () => ReturnType<Model>): Fault =>
  (_, number) =>
    number > 1 ? behaviour() : undefined;

async function startClaude(t: TestContext): Promise<LoginStage> {
  const stage = await startLoginStage(t, {
    family: "claude",
    login: claudeLogin,
    accounts: ({ pooled }) =>
      `[[accounts]]\nid = "key"\ntype = "claude-api"\napi_key = "key-of-key"\napi_url = "${pooled}"\n`,
  });
  await logInClaude(stage);
  stage.pooled.on(() => true, claude.claudeModel);
  return stage;
}

test("Claude Code works on its own login, betas and limits included", async (t) => {
  const stage = await startClaude(t);
  stage.provider.on(() => true, claude.claudeModel);
  const run = await runClaude(stage);
  assert.equal(claude.readTranscript(run).lines.at(-1), `result success false: ${sawBoth}`);
  assert.deepEqual(stage.asked(), ["own", "own", "own"]);
  for (const { headers } of stage.provider.requests)
    assert.match(String(headers["anthropic-beta"]), /oauth-2025-04-20/);
  await assertRecorded(stage, { own: 3 });
});

test("Claude Code's own login at its limit hands over in the middle of a loop of tools, unseen", async (t) => {
  const stage = await startClaude(t);
  const limit = () => claudeFailures.windowRejected("5h", inTwoHours());
  stage.provider.on(() => true, withFaults(claude.claudeModel, later(limit)));
  const run = await runClaude(stage);
  assert.equal(claude.readTranscript(run).lines.at(-1), `result success false: ${sawBoth}`);
  assert.deepEqual(stage.asked(), ["own", "own", "key", "key"]);
  assert.ok(!claude.lineKinds(run).includes("system/api_retry"));
  await assertRecorded(stage, { own: 1, key: 2 });
});

async function startCodex(t: TestContext) {
  const script = createSocketScript();
  const login = codexToken();
  const stage = await startLoginStage(t, {
    ...{ family: "openai", login, sockets: { own: script } },
    accounts: ({ pooled }) =>
      `[[accounts]]\nid = "key"\ntype = "openai-responses"\napi_key = "key-of-key"\napi_url = "${pooled}/v1"\n`,
  });
  await logInCodex(stage, login);
  script.answerWith(codex.codexModel);
  stage.pooled.on(() => true, codex.codexModel);
  return { ...stage, script, login };
}

const responses = ({ requests }: LoginStage["provider"]) =>
  requests.filter(({ method }) => method === "POST");

test("Codex works on its own ChatGPT login, at the backend that it belongs to", async (t) => {
  const stage = await startCodex(t);
  stage.provider.on({ method: "POST" }, codex.codexModel);
  const { lines } = codex.readTranscript(await runCodex(stage, "--no-websocket"));
  assert.equal(lines.at(-1), `agent_message: ${sawBoth}`);
  assert.equal(responses(stage.pooled).length, 0);
  for (const { url, headers } of stage.provider.requests) {
    assert.match(url, /^\/backend-api\/codex\/(?:responses|models)/);
    assert.equal(headers["chatgpt-account-id"], "acct-made-up");
  }
  await assertRecorded(stage, { own: 3 });
});

test("Codex's own login at its limit hands over in the middle of a loop of tools, unseen", async (t) => {
  const stage = await startCodex(t);
  const limit = () => openaiFailures.usageLimit(inTwoHours());
  stage.provider.on({ method: "POST" }, withFaults(codex.codexModel, later(limit)));
  const { lines } = codex.readTranscript(await runCodex(stage, "--no-websocket"));
  assert.equal(lines.at(-1), `agent_message: ${sawBoth}`);
  assert.deepEqual(
    lines.filter((line) => /^(?:error|turn)/.test(line)),
    [],
  );
  assert.deepEqual([responses(stage.provider).length, responses(stage.pooled).length], [2, 2]);
  for (const { headers } of stage.pooled.requests) assert.equal(headers["chatgpt-account-id"], undefined);
  await assertRecorded(stage, { own: 1, key: 2 });
});

test("Codex speaks WebSocket to its own backend on its own login, and the key takes over at its limit", async (t) => {
  const stage = await startCodex(t);
  const { script, login } = stage;
  const usageLimit = { type: "usage_limit_reached", message: "limit", resets_in_seconds: 7200 };
  // The warm-up is the first one.
  script.fault(login, undefined, undefined, { kind: "error", status: 429, error: usageLimit });
  const { lines } = codex.readTranscript(await runCodex(stage));
  assert.equal(lines.at(-1), `agent_message: ${sawBoth}`, lines.join("\n"));
  assert.ok(script.creates.length > 1);
  for (const { headers, credential } of script.upgrades) {
    assert.deepEqual([credential, headers["chatgpt-account-id"]], [login, "acct-made-up"]);
    assert.equal(headers["x-cc-relay-key"], undefined);
  }
  assert.ok(responses(stage.pooled).length > 0);
  const { total } = await stage.relay.usage("account");
  assert.equal(total.errors, 0);
});

const asksModel = ({ requests }: LoginStage["provider"]) =>
  requests.filter(({ path }) => /:(?:streamG|g)enerateContent$/.test(path));

async function startGemini(
  t: TestContext,
  accounts: LoginSettings["accounts"] = () => "",
): Promise<LoginStage> {
  const stage = await startLoginStage(t, { family: "gemini", login: googleLogin, accounts });
  await logInGemini(stage);
  return stage;
}

test("Gemini CLI works on its own Google login, its project included", async (t) => {
  const stage = await startGemini(t);
  stage.provider.on({ path: /enerateContent$/ }, gemini.geminiModel);
  const { lines } = gemini.readTranscript(await runGemini(stage));
  assert.equal(lines.at(-2), `assistant: ${sawBoth}`);
  assert.ok(stage.provider.requests.some(({ path }) => path === "/v1internal:loadCodeAssist"));
  await assertRecorded(stage, { own: 4 });
});

test("Gemini CLI's own Google login at its limit hands over to a pooled one in the middle of a loop of tools, unseen", async (t) => {
  const authorization = await startAuthorizationServer();
  t.after(() => authorization.close());
  const stage = await startGemini(t, ({ pooled }) =>
    [
      `[[accounts]]\nid = "key"\ntype = "gemini"\nrefresh_token = "${authorization.issue("key")}"\napi_url = "${pooled}"\n`,
      `[oauth.gemini]\ntoken_url = "${authorization.url}/token"\n`,
    ].join("\n"),
  );
  const { provider, pooled } = stage;
  pooled.on({ path: /enerateContent$/ }, gemini.geminiModel);
  const limit = () => geminiFailures.codeAssistExhausted();
  provider.on({ path: /enerateContent$/ }, (request) =>
    asksModel(provider).length > 2 ? limit() : gemini.geminiModel(request),
  );
  const { lines } = gemini.readTranscript(await runGemini(stage));
  assert.equal(lines.at(-2), `assistant: ${sawBoth}`);
  assert.deepEqual([asksModel(provider).length, asksModel(pooled).length], [3, 2]);
  await assertRecorded(stage, { own: 2, key: 2 });
});
