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
import { assertRecorded, type LoginSettings, type LoginStage, startLoginStage } from "./own-login.ts";
import { type ProgramResult, runProgram } from "./program.ts";
import { commands, type Fault, type Model, sawBoth, withFaults } from "./task.ts";

const twoCommands = `Script: run [[${commands.one}]] and then [[${commands.two}]]`;
const inTwoHours = () => Date.now() + 7_200_000;
const day = 86_400_000;

/** From the second request on. */
const later =
  (behaviour: () => ReturnType<Model>): Fault =>
  (_, number) =>
    number > 1 ? behaviour() : undefined;

const claudeLogin = "sk-ant-oat01-made-up-login";

async function startClaude(t: TestContext): Promise<LoginStage> {
  const stage = await startLoginStage(t, {
    family: "claude",
    login: claudeLogin,
    accounts: ({ pooled }) =>
      `[[accounts]]\nid = "key"\ntype = "claude-api"\napi_key = "key-of-key"\napi_url = "${pooled}"\n`,
  });
  const claudeAiOauth = {
    ...{ accessToken: claudeLogin, refreshToken: "sk-ant-ort01-made-up", expiresAt: Date.now() + day },
    ...{ scopes: ["user:inference", "user:profile"], subscriptionType: "max" },
  };
  await stage.sandbox.write("home", ".claude/.credentials.json", JSON.stringify({ claudeAiOauth }));
  stage.pooled.on(() => true, claude.claudeModel);
  return stage;
}

async function runClaude({ relay, sandbox }: LoginStage): Promise<ProgramResult> {
  return runProgram({
    file: "claude",
    args: claude.printing([twoCommands]),
    env: { ...sandbox.env, ...(await relay.env("claude", "--own-login")) },
    cwd: sandbox.workspace,
  });
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

/** As OpenAI issues them for Codex, with a made-up signature. */
function codexToken(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const auth = {
    chatgpt_account_id: "acct-made-up",
    chatgpt_plan_type: "plus",
    chatgpt_user_id: "user-made-up",
  };
  const claims = {
    ...{ iss: "https://auth.openai.com", sub: "user-made-up", email: "made-up@example.com" },
    ...{ exp: Math.floor((Date.now() + day) / 1000), "https://api.openai.com/auth": auth },
  };
  return `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}.c2lnbmF0dXJl`;
}

async function startCodex(t: TestContext, sockets = createSocketScript()) {
  const login = codexToken();
  const stage = await startLoginStage(t, {
    ...{ family: "openai", login, sockets },
    accounts: ({ pooled }) =>
      `[[accounts]]\nid = "key"\ntype = "openai-responses"\napi_key = "key-of-key"\napi_url = "${pooled}/v1"\n`,
  });
  const tokens = {
    id_token: login,
    access_token: login,
    refresh_token: "rt-made-up",
    account_id: "acct-made-up",
  };
  const auth = { auth_mode: "chatgpt", OPENAI_API_KEY: null, tokens, last_refresh: new Date().toISOString() };
  await stage.sandbox.write("home", ".codex/auth.json", JSON.stringify(auth));
  sockets.answerWith(codex.codexModel);
  stage.pooled.on(() => true, codex.codexModel);
  return { ...stage, sockets, login };
}

async function runCodex({ relay, sandbox }: LoginStage, ...flags: string[]): Promise<codex.CodexTranscript> {
  const block = await codex.providerBlock(relay, "--own-login", ...flags);
  await sandbox.write("home", ".codex/config.toml", block);
  const run = await runProgram({
    file: "codex",
    args: codex.executing([], [twoCommands]),
    env: { ...sandbox.env, ...(await relay.env("codex", "--own-login", ...flags)) },
    cwd: sandbox.workspace,
  });
  return codex.readTranscript(run);
}

const responses = ({ requests }: LoginStage["provider"]) =>
  requests.filter(({ method }) => method === "POST");

test("Codex works on its own ChatGPT login, at the backend that it belongs to", async (t) => {
  const stage = await startCodex(t);
  stage.provider.on({ method: "POST" }, codex.codexModel);
  const { lines } = await runCodex(stage, "--no-websocket");
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
  const { lines } = await runCodex(stage, "--no-websocket");
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
  const { sockets, login } = stage;
  const usageLimit = { type: "usage_limit_reached", message: "limit", resets_in_seconds: 7200 };
  // The warm-up is the first one.
  sockets.fault(login, undefined, undefined, { kind: "error", status: 429, error: usageLimit });
  const { lines } = await runCodex(stage);
  assert.equal(lines.at(-1), `agent_message: ${sawBoth}`, lines.join("\n"));
  assert.ok(sockets.creates.length > 1);
  for (const { headers, credential } of sockets.upgrades) {
    assert.deepEqual([credential, headers["chatgpt-account-id"]], [login, "acct-made-up"]);
    assert.equal(headers["x-cc-relay-key"], undefined);
  }
  assert.ok(responses(stage.pooled).length > 0);
  const { total } = await stage.relay.usage("account");
  assert.equal(total.errors, 0);
});

const googleLogin = "ya29.made-up-login";

const asksModel = ({ requests }: LoginStage["provider"]) =>
  requests.filter(({ path }) => /:(?:streamG|g)enerateContent$/.test(path));

async function startGemini(
  t: TestContext,
  accounts: LoginSettings["accounts"] = () => "",
): Promise<LoginStage> {
  const stage = await startLoginStage(t, { family: "gemini", login: googleLogin, accounts });
  const settings = { security: { auth: { selectedType: "oauth-personal" } } };
  await stage.sandbox.write("home", ".gemini/settings.json", JSON.stringify(settings));
  return stage;
}

async function runGemini({ relay, sandbox }: LoginStage): Promise<gemini.GeminiTranscript> {
  const run = await runProgram({
    file: "gemini",
    args: gemini.printing([twoCommands]),
    env: {
      ...{ ...sandbox.env, ...gemini.trusting, GOOGLE_CLOUD_ACCESS_TOKEN: googleLogin },
      ...(await relay.env("gemini", "--own-login")),
    },
    cwd: sandbox.workspace,
    timeoutMs: 90_000,
  });
  return gemini.readTranscript(run);
}

test("Gemini CLI works on its own Google login, its project included", async (t) => {
  const stage = await startGemini(t);
  stage.provider.on({ path: /enerateContent$/ }, gemini.geminiModel);
  const { lines } = await runGemini(stage);
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
  const { lines } = await runGemini(stage);
  assert.equal(lines.at(-2), `assistant: ${sawBoth}`);
  assert.deepEqual([asksModel(provider).length, asksModel(pooled).length], [3, 2]);
  await assertRecorded(stage, { own: 2, key: 2 });
});
