// Gemini CLI in Code Assist mode, against accounts that log in with OAuth: every request gets the account's own token and project.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { type Behaviour, type RecordedRequest, stringField } from "../support/behaviour.ts";
import { codeAssistProject, geminiFailures } from "../support/gemini-script.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { geminiModel, readTranscript, runGemini } from "./gemini-cli.ts";
import { relayKey, startRelayProcess } from "./relay-process.ts";
import { accountBlock, type RelayStage, type Stage, startDirectStage } from "./stage.ts";
import { commands, greeting, sawBoth, withFaults } from "./task.ts";

const twoCommands = `Script: run [[${commands.one}]] and then [[${commands.two}]]`;

interface LoginStage extends RelayStage {
  authorization: AuthorizationServer;
  /** The second account's provider; the first one's is `upstream`. A token does not say whose it is. */
  spare: ScriptedUpstream;
}

async function startLoginStage(t: TestContext): Promise<LoginStage> {
  const { upstream, sandbox } = await startDirectStage(t);
  const spare = await startUpstream();
  const authorization = await startAuthorizationServer();
  const accounts = Object.entries({ first: upstream, second: spare }).map(([id, { url }]) =>
    accountBlock(id, "gemini", url, id === "first" ? 200 : 100).replace(
      `key-of-${id}`,
      authorization.issue(),
    ),
  );
  const oauth = `[oauth.gemini]\ntoken_url = "${authorization.url}/token"\n`;
  const relay = await startRelayProcess(`${accounts.join("\n")}\n${oauth}`);
  t.after(async () => {
    await relay.stop();
    await authorization.close();
    await spare.close();
  });
  return { upstream, spare, sandbox, relay, authorization };
}

async function work(stage: Stage) {
  return readTranscript(await runGemini(stage, { mode: "code-assist", args: [twoCommands] }));
}

async function workWithoutRelay(t: TestContext) {
  const stage = await startDirectStage(t);
  stage.upstream.on(() => true, geminiModel);
  const transcript = await work(stage);
  return { transcript, urls: generations(stage.upstream).map(({ url }) => url) };
}

function generations({ requests }: ScriptedUpstream): RecordedRequest[] {
  return requests.filter(({ path }) => /:(streamG|g)enerateContent$/.test(path));
}

/** Tokens are the accounts' own, with a project that this account's provider knows, and the relay's key stayed here. */
function assertOwnTokensAndProjects({ upstream, spare, authorization }: LoginStage): void {
  for (const provider of [upstream, spare]) {
    // A login that was refreshed keeps the project that it was given with its first token.
    const projects = new Set(provider.requests.map(({ credential }) => codeAssistProject(credential)));
    for (const request of provider.requests) {
      assert.ok(authorization.accepts(request.credential), `${request.url}: not a token of the accounts`);
      assert.ok(!request.rawHeaders.join("\n").includes(relayKey));
    }
    for (const request of generations(provider)) {
      const project = stringField(request.json, "project") ?? "none";
      assert.ok(projects.has(project), `${project} is not of this provider`);
    }
  }
}

async function assertRecorded({ upstream, spare, relay }: LoginStage, expected: Record<string, number>) {
  const { rows } = await relay.usage("account");
  assert.deepEqual(Object.fromEntries(rows.map(({ key, requests }) => [key, requests])), expected);
  for (const { key, tokens, errors } of rows) {
    assert.deepEqual(tokens, (key === "first" ? upstream : spare).total(), key);
    assert.equal(errors, 0);
  }
}

test("Gemini CLI in Code Assist mode works with an account's login and project instead of its own", async (t) => {
  const expected = await workWithoutRelay(t);
  const stage = await startLoginStage(t);
  const { upstream, authorization } = stage;
  upstream.on(() => true, geminiModel);
  assert.deepEqual(await work(stage), expected.transcript);
  assert.equal(expected.transcript.lines.at(-2), `assistant: ${sawBoth}`);
  assert.deepEqual(
    generations(upstream).map(({ url }) => url),
    expected.urls,
  );
  assert.ok(upstream.requests.some(({ path }) => path === "/v1internal:loadCodeAssist"));
  assertOwnTokensAndProjects(stage);
  await assertRecorded(stage, { first: 4 });
  assert.equal(authorization.requests.length, 1, "one refresh serves the session");
});

const hidden: Record<string, () => Behaviour> = {
  "has spent its quota": () => geminiFailures.codeAssistExhausted(),
  "has no capacity": () => geminiFailures.capacity(),
  "has lost its login": () => geminiFailures.unauthenticated(),
};

for (const [what, fault] of Object.entries(hidden)) {
  test(`an account of Code Assist that ${what} in the middle of the session hands over to the other one, project included`, async (t) => {
    const expected = await workWithoutRelay(t);
    const stage = await startLoginStage(t);
    const { upstream, spare } = stage;
    spare.on(() => true, geminiModel);
    // The router's call and the first turn are answered.
    const fails = () => generations(upstream).length > 2;
    upstream.on(
      () => true,
      withFaults(geminiModel, () => (fails() ? fault() : undefined)),
    );
    assert.deepEqual(await work(stage), expected.transcript);
    assertOwnTokensAndProjects(stage);
    await assertRecorded(stage, { first: 2, second: 2 });
  });
}

test("a session of Gemini CLI with a Google login that is taken up again stays on its account and project, a new one does not", async (t) => {
  const stage = await startLoginStage(t);
  const { upstream, spare } = stage;
  spare.on(() => true, geminiModel);
  upstream.on(
    () => true,
    withFaults(geminiModel, (request) =>
      request === generations(upstream)[0] ? geminiFailures.codeAssistLimited("2s") : undefined,
    ),
  );
  const run = async (...args: string[]) => {
    const all = [...args, "-m", "gemini-2.5-flash"];
    const { lines } = readTranscript(await runGemini(stage, { mode: "code-assist", args: all }));
    return lines.at(-2);
  };
  const asked = () => [generations(upstream).length, generations(spare).length];
  assert.equal(await run(twoCommands), `assistant: ${sawBoth}`);
  assert.deepEqual(asked(), [1, 3]);
  await sleep(2000);
  assert.equal(await run("Script: say hello", "--resume", "latest"), `assistant: ${greeting}`);
  assert.deepEqual(asked(), [1, 4]);
  assert.equal(await run("Script: say hello"), `assistant: ${greeting}`);
  assert.deepEqual(asked(), [2, 4]);
  assertOwnTokensAndProjects(stage);
});
