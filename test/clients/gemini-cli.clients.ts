// Gemini CLI with an API key: the router's call, tools, failing accounts, and `cc-relay run gemini`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Behaviour } from "../support/behaviour.ts";
import { geminiFailures } from "../support/gemini-script.ts";
import { geminiModel, printing, readTranscript, runGemini, trusting } from "./gemini-cli.ts";
import { runProgram } from "./program.ts";
import { relayCommand } from "./sandbox.ts";
import { accountsThatServed, assertSound, firstKey, playBoth, type Stage, startRelayStage } from "./stage.ts";
import { commands, type Fault, failingKey, greeting, sawBoth, sawOne } from "./task.ts";

const settings = { type: "gemini-api", model: geminiModel } as const;
const twoCommands = `Script: run [[${commands.one}]] and then [[${commands.two}]]`;
const mode = "key";

async function work(stage: Stage) {
  return readTranscript(await runGemini(stage, { mode, args: [twoCommands] }));
}

function actions({ upstream }: Stage): string[] {
  return upstream.requests.map(({ url }) => url.replace(/^.*:/, ""));
}

test("Gemini CLI lets a small model choose the model, runs two tools and says what they returned", async (t) => {
  const { stage, outcome } = await playBoth(t, settings, async (stage) => ({
    ...(await work(stage)),
    sent: stage.upstream.requests.map(({ url }) => url),
  }));
  assert.deepEqual(outcome.lines.at(-2), `assistant: ${sawBoth}`);
  assert.equal(outcome.exitCode, 0);
  const stream = "streamGenerateContent?alt=sse";
  assert.deepEqual(actions(stage), ["generateContent", stream, stream, stream]);
  assert.deepEqual(new Set(accountsThatServed(stage)), new Set(["first"]));
});

const hidden = {
  "has spent its quota of the minute": () => geminiFailures.perMinute(),
  "has no capacity": () => geminiFailures.overloaded(),
  "is refused": () => geminiFailures.keyInvalid(),
};

for (const [what, fault] of Object.entries(hidden)) {
  test(`Gemini CLI does not notice that its account ${what} in the middle of the session`, async (t) => {
    const hiddenFaults = failingKey(firstKey, fault(), 3);
    const { stage, outcome } = await playBoth(t, { ...settings, hiddenFaults }, work);
    assert.deepEqual(outcome.lines.at(-2), `assistant: ${sawBoth}`);
    assert.deepEqual(accountsThatServed(stage), ["first", "first", "second", "second"]);
  });
}

test("a stream that breaks off is asked for again by Gemini CLI, as without the relay", async (t) => {
  const cut: Behaviour = { content: greeting, events: 10, cut: { afterEvents: 6, how: "rst" } };
  const faults: Fault = (_, number) => (number === 2 ? cut : undefined);
  const { stage, outcome } = await playBoth(t, { ...settings, faults, errors: 1 }, async (stage) => {
    const args = [twoCommands, "-m", "gemini-2.5-flash"];
    return readTranscript(await runGemini(stage, { mode, args }));
  });
  assert.equal(outcome.exitCode, 0);
  assert.ok(outcome.lines.at(-2)?.endsWith(sawBoth), outcome.lines.join("\n"));
  assert.deepEqual(accountsThatServed(stage), ["first", "first", "first", "first"]);
});

test("a named model of Gemini CLI needs no router, and its stream comes whole", async (t) => {
  const { stage, outcome } = await playBoth(t, settings, async (stage) =>
    readTranscript(await runGemini(stage, { mode, args: ["Script: say hello", "-m", "gemini-2.5-flash"] })),
  );
  assert.deepEqual(outcome.lines.at(-2), `assistant: ${greeting}`);
  assert.deepEqual(actions(stage), ["streamGenerateContent?alt=sse"]);
});

test("a session of Gemini CLI that is taken up again stays on its account, though its folder has changed; a new one does not", async (t) => {
  const stage = await startRelayStage(t, settings);
  const { upstream, sandbox } = stage;
  upstream.on(() => true, geminiModel);
  upstream.queue(firstKey, geminiFailures.perMinute("2s"));
  const run = async (...args: string[]) => {
    const { lines } = readTranscript(
      await runGemini(stage, { mode, args: [...args, "-m", "gemini-2.5-flash"] }),
    );
    return lines.at(-2);
  };
  assert.equal(await run(twoCommands), `assistant: ${sawBoth}`);
  assert.deepEqual(accountsThatServed(stage), ["second", "second", "second"]);
  await sleep(2000);

  // Gemini CLI lists the folder's files before the first prompt, and does so anew.
  await sandbox.write("workspace", "made-in-the-session.txt", "new");
  assert.equal(await run(`Script: run [[${commands.one}]]`, "--resume", "latest"), `assistant: ${sawOne}`);
  assert.deepEqual(accountsThatServed(stage).slice(3), ["second", "second"]);

  assert.equal(await run("Script: say hello"), `assistant: ${greeting}`);
  assert.deepEqual(accountsThatServed(stage).slice(5), ["first"]);
  await assertSound(stage);
});

test("Gemini CLI says at once that the relay key is wrong", async (t) => {
  const stage = await startRelayStage(t, settings);
  const { sandbox, relay, upstream } = stage;
  await sandbox.write(
    "home",
    ".gemini/settings.json",
    '{"security":{"auth":{"selectedType":"gemini-api-key"}}}',
  );
  const run = await runProgram({
    file: "gemini",
    args: printing(["Script: say hello"]),
    env: { ...sandbox.env, ...trusting, ...(await relay.env("gemini")), GEMINI_API_KEY: "not-the-key" },
    cwd: sandbox.workspace,
  });
  assert.notEqual(run.code, 0);
  assert.match(run.stdout + run.stderr, /the relay key is not one of api_keys/);
  assert.ok(run.ms < 20_000, `${run.ms} ms`);
  assert.equal(upstream.requests.length, 0);
});

test("when every account is refused or at its limit Gemini CLI says so, and does not try again for minutes", async (t) => {
  for (const [failure, told] of [
    [geminiFailures.keyInvalid(), /Every Gemini account needs a login/],
    [geminiFailures.perDay(), /Every Gemini account is at its limit until 20\S+Z/],
  ] as const) {
    const stage = await startRelayStage(t, settings);
    stage.upstream.on(() => true, failure);
    const args = ["Script: say hello", "-m", "gemini-2.5-flash"];
    const run = await runGemini(stage, { mode, args, timeoutMs: 90_000 });
    assert.notEqual(run.code, 0);
    assert.match(run.stdout + run.stderr, told);
    assert.equal((await stage.relay.usage("account")).total.requests, 1, "asked by the client");
  }
});

test("`cc-relay run gemini` needs nothing set up, not even settings.json", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(() => true, geminiModel);
  const [node, script] = relayCommand;
  const ran = await runProgram({
    file: node,
    args: [script, "--config", stage.relay.configFile, "run", "gemini", "--", ...printing([twoCommands])],
    env: { ...stage.sandbox.env, ...trusting },
    cwd: stage.sandbox.workspace,
  });
  const { lines, exitCode } = readTranscript(ran);
  assert.deepEqual(lines.at(-2), `assistant: ${sawBoth}`);
  assert.equal(exitCode, 0);
  await assertSound(stage);
});
