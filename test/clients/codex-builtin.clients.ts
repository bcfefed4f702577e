// Codex with its built-in provider pointed at the relay: WebSocket first, the ChatGPT login's compressed requests, and its models.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { codexPath, openaiFailures } from "../support/openai-script.ts";
import { createSocketScript } from "../support/socket-script.ts";
import { type CodexRun, chatgptLogin, codexModel, executing, readTranscript, runCodex } from "./codex.ts";
import { runProgram } from "./program.ts";
import { relayKey, startRelayProcess } from "./relay-process.ts";
import { relayCommand } from "./sandbox.ts";
import {
  accountBlock,
  accountsThatServed,
  assertSound,
  firstKey,
  type RelayStage,
  secondKey,
  startDirectStage,
  startRelayStage,
} from "./stage.ts";
import { startTap } from "./tap.ts";
import { commands, failingKey, sawBoth, withFaults } from "./task.ts";

const twoCommands = `Script: run [[${commands.one}]] and then [[${commands.two}]]`;

/** The flag that moves the built-in provider; `OPENAI_BASE_URL` is not read. */
function builtIn(url: string): string[] {
  return ["-c", `openai_base_url="${url}/openai/v1"`];
}

test("Codex, whose built-in provider tries a WebSocket first, is at once sent to HTTP", async (t) => {
  const stage = await startRelayStage(t, { type: "openai-responses" });
  stage.upstream.on(() => true, codexModel);
  const tap = await startTap(stage.relay.url);
  t.after(() => tap.close());
  const run = await runCodex(stage, {
    flags: builtIn(tap.url),
    env: { CODEX_API_KEY: relayKey },
    args: [twoCommands],
  });
  assert.equal(readTranscript(run).lines.at(-1), `agent_message: ${sawBoth}`);
  assert.doesNotMatch(run.stdout + run.stderr, /Reconnecting/);
  assert.deepEqual(accountsThatServed(stage), ["first", "first", "first"]);
  const [upgrade, post] = tap.requests.filter(({ line }) => line.endsWith("/openai/v1/responses"));
  assert.deepEqual([upgrade?.isUpgrade, post?.isUpgrade], [true, false]);
  const lostMs = (post?.at ?? 0) - (upgrade?.at ?? 0);
  assert.ok(
    lostMs < 1000,
    `${lostMs} ms between the WebSocket and HTTP; with any other answer than 426 it is 7 s`,
  );
  assert.equal(tap.requests.filter(({ isUpgrade }) => isUpgrade).length, 1);
  await assertSound(stage);
});

test("a session of Codex with its built-in provider is taken up again on its account, and goes on elsewhere when that reaches its limit", async (t) => {
  const stage = await startRelayStage(t, { type: "openai-responses" });
  const { upstream, relay } = stage;
  const spent = openaiFailures.usageLimit(Date.now() + 7_200_000);
  upstream.on(() => true, withFaults(codexModel, failingKey(secondKey, spent, 5)));
  upstream.queue(firstKey, openaiFailures.rateLimited(2));
  const run = async (args: readonly string[]) => {
    const env = { CODEX_API_KEY: relayKey };
    return readTranscript(await runCodex(stage, { flags: builtIn(relay.url), env, args })).lines.at(-1);
  };
  assert.equal(await run([twoCommands]), `agent_message: ${sawBoth}`);
  assert.deepEqual(accountsThatServed(stage), ["second", "second", "second"]);
  await sleep(2000);
  assert.equal(await run(["resume", "--last", twoCommands]), `agent_message: ${sawBoth}`);
  assert.deepEqual(accountsThatServed(stage).slice(3), ["second", "first", "first"]);
  await assertSound(stage);
});

async function runWithLogin(stage: RelayStage, run: Omit<CodexRun, "flags">) {
  await stage.sandbox.write("home", ".codex/auth.json", chatgptLogin());
  return runCodex(stage, { ...run, flags: builtIn(stage.relay.url) });
}

test("a ChatGPT login's compressed requests are read for their routing and forwarded as they came, without the login", async (t) => {
  const { upstream, sandbox } = await startDirectStage(t);
  const accounts = ["first", "second"].map((id, index) =>
    accountBlock(id, "openai-responses", upstream.url, 200 - index),
  );
  const relay = await startRelayProcess(accounts.join("\n"), []);
  t.after(() => relay.stop());
  const stage = { upstream, sandbox, relay };
  upstream.on(
    () => true,
    withFaults(codexModel, (request, number) =>
      request.path === "/v1/responses"
        ? failingKey(firstKey, openaiFailures.usageLimit(Date.now() + 7_200_000), 2)(request, number)
        : undefined,
    ),
  );
  const run = await runWithLogin(stage, { args: [twoCommands] });
  assert.equal(readTranscript(run).lines.at(-1), `agent_message: ${sawBoth}`);
  const sent = upstream.requests.filter(({ path }) => path === "/v1/responses");
  assert.ok(sent.length >= 4);
  for (const request of sent) {
    assert.equal(request.headers["content-encoding"], "zstd");
    assert.ok(request.json, "a body that can be read");
    assert.match(request.credential, /^key-of-/);
    assert.equal(request.headers["chatgpt-account-id"], undefined);
  }
  assert.ok(!upstream.requests.some(({ rawHeaders }) => /of-a-person/.test(rawHeaders.join("\n"))));
  await assertSound(stage);
});

test("cc-relay run codex --own-login leads the built-in provider to a relay without keys, over a WebSocket", async (t) => {
  const sockets = createSocketScript();
  sockets.answerWith(codexModel);
  const { upstream, sandbox } = await startDirectStage(t, sockets);
  const own = '[[accounts]]\nid = "own"\ntype = "client"\nfamily = "openai"\n';
  const relay = await startRelayProcess(
    `[upstream]\nchatgpt_url = "${upstream.url}${codexPath}"\n${own}`,
    [],
  );
  t.after(() => relay.stop());
  await sandbox.write("home", ".codex/auth.json", chatgptLogin());
  await sandbox.write("home", ".codex/config.toml", 'model_provider = "another"\n');
  const [file, script] = relayCommand;
  const codex = executing([], [twoCommands]);
  const args = [script, "--config", relay.configFile, "run", "codex", "--own-login", "--", ...codex];
  const { env, workspace: cwd } = sandbox;
  const { exitCode, lines } = readTranscript(await runProgram({ file, args, env, cwd }));
  assert.deepEqual([exitCode, lines.at(-1)], [0, `agent_message: ${sawBoth}`]);
  assert.equal(upstream.requests.filter(({ path }) => path.endsWith("/responses")).length, 0);
  assert.ok(sockets.creates.length > 2);
  for (const { headers } of sockets.upgrades)
    assert.equal(headers["chatgpt-account-id"], "account-of-a-person");
  const sessions = join(sandbox.home, ".codex", "sessions");
  const [kept] = readdirSync(sessions, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".jsonl"),
  );
  assert.match(readFileSync(join(sessions, kept!), "utf8"), /"model_provider":"openai"/);
});

test("without accounts a ChatGPT login goes through as it is", async (t) => {
  const { upstream, sandbox } = await startDirectStage(t);
  const relay = await startRelayProcess(`[upstream]\nopenai_url = "${upstream.url}/v1"\n`, []);
  t.after(() => relay.stop());
  const stage = { upstream, sandbox, relay };
  upstream.on(() => true, codexModel);
  const run = await runWithLogin(stage, { args: [twoCommands] });
  assert.equal(readTranscript(run).lines.at(-1), `agent_message: ${sawBoth}`);
  const sent = upstream.requests.filter(({ path }) => path === "/v1/responses");
  for (const { headers } of sent) assert.equal(headers["chatgpt-account-id"], "account-of-a-person");
  const { rows } = await relay.usage("account");
  assert.deepEqual(
    rows.map(({ key, requests }) => [key, requests]),
    [["passthrough", 3]],
  );
  await assertSound(stage);
});
