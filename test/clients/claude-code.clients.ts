// Claude Code at work: tools, sub-agents, sessions, long prompts. Every case ends as it does without the relay.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { stringField } from "../support/behaviour.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { claudeModel, printing, readTranscript, runClaude, sessionHeader, sessionOf } from "./claude-code.ts";
import { runProgram } from "./program.ts";
import { relayCommand } from "./sandbox.ts";
import { accountsThatServed, assertSound, firstKey, playBoth, type Stage, startRelayStage } from "./stage.ts";
import { commands, greeting, sawBoth, sawOne } from "./task.ts";

const settings = { type: "claude-api", model: claudeModel } as const;
const twoCommands = `Script: run [[${commands.one}]] and then [[${commands.two}]]`;

test("Claude Code runs two tools, one after the other, and says what they returned", async (t) => {
  const { stage, outcome } = await playBoth(t, settings, async (stage) => {
    return readTranscript(await runClaude(stage, { args: [twoCommands] }));
  });
  assert.equal(outcome.lines.at(-1), `result success false: ${sawBoth}`);
  assert.deepEqual(accountsThatServed(stage), ["first", "first", "first"]);
});

test("Claude Code's sub-agent works in the session of its caller, on the same account", async (t) => {
  const { stage, outcome } = await playBoth(t, settings, async (stage) => {
    const prompt = `Script: let {{Script: run [[${commands.one}]]}} see, then run [[${commands.two}]]`;
    return readTranscript(await runClaude(stage, { args: [prompt] }));
  });
  assert.equal(outcome.lines.at(-1), `result success false: ${sawBoth}`);
  const { requests } = stage.upstream;
  assert.equal(new Set(requests.map(sessionHeader)).size, 1);
  const byAgent = requests.filter(({ headers }) => headers["x-claude-code-agent-id"] !== undefined);
  assert.equal(byAgent.length, 2);
  assert.deepEqual(accountsThatServed(stage), ["first", "first", "first", "first", "first"]);
});

test("a session of Claude Code that is taken up again stays on its account, a fork of it goes its own way", async (t) => {
  const stage = await startRelayStage(t, settings);
  const { upstream } = stage;
  upstream.on(() => true, claudeModel);
  // The first account is back two seconds later: a session without a sticky account is served by it then.
  upstream.queue(firstKey, claudeFailures.bucketEmpty(2));
  const begun = await runClaude(stage, { args: [twoCommands] });
  assert.deepEqual(accountsThatServed(stage), ["second", "second", "second"]);
  await sleep(2000);

  const continued = await runClaude(stage, {
    args: ["--continue", `Script: run [[${commands.one}]]`],
  });
  assert.equal(readTranscript(continued).lines.at(-1), `result success false: ${sawOne}`);
  const resumed = await runClaude(stage, { args: ["--resume", sessionOf(begun), "Script: say hello"] });
  assert.equal(readTranscript(resumed).lines.at(-1), `result success false: ${greeting}`);
  assert.deepEqual(new Set([sessionOf(continued), sessionOf(resumed)]), new Set([sessionOf(begun)]));
  assert.deepEqual(accountsThatServed(stage).slice(3), ["second", "second", "second"]);

  const forked = await runClaude(stage, {
    args: ["--resume", sessionOf(begun), "--fork-session", twoCommands],
  });
  assert.notEqual(sessionOf(forked), sessionOf(begun));
  assert.deepEqual(accountsThatServed(stage).slice(6), ["first", "first", "first"]);
  await assertSound(stage);
});

test("a request of two megabytes reaches the provider as Claude Code wrote it", async (t) => {
  const long = 'Wörter über Wörter, 你好 👋 and "quotes" \\ \t more.\n'.repeat(45_000);
  const { stage, outcome } = await playBoth(t, settings, async (stage) => {
    const run = await runClaude(stage, { args: ["Script: read this"], input: long, timeoutMs: 90_000 });
    return { transcript: readTranscript(run), digests: longTexts(stage).map(digest) };
  });
  assert.equal(outcome.transcript.lines.at(-1), `result success false: ${greeting}`);
  assert.equal(outcome.digests.length, 1);
  assert.ok((stage.upstream.requests[0]?.body.length ?? 0) > 2_000_000);
});

test("`cc-relay run claude` needs nothing set up, and exits as Claude Code does", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(() => true, claudeModel);
  const [node, script] = relayCommand;
  const ran = await runProgram({
    file: node,
    args: [script, "--config", stage.relay.configFile, "run", "claude", "--", ...printing([twoCommands])],
    env: { ...stage.sandbox.env, ANTHROPIC_API_KEY: "a key that must not be used" },
    cwd: stage.sandbox.workspace,
  });
  assert.equal(readTranscript(ran).lines.at(-1), `result success false: ${sawBoth}`);
  assert.equal(ran.code, 0);
  assert.deepEqual(accountsThatServed(stage), ["first", "first", "first"]);
  await assertSound(stage);
});

test("`cc-relay run claude` holds for its one run against settings that lead elsewhere, and leaves them as they are", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(() => true, claudeModel);
  // Nobody listens on the discard port.
  const own = JSON.stringify({
    env: {
      ANTHROPIC_BASE_URL: "http://127.0.0.1:9",
      ANTHROPIC_API_KEY: "a key that must not be used",
      CLAUDE_CODE_USE_BEDROCK: "1",
      HTTP_PROXY: "http://127.0.0.1:9",
      HTTPS_PROXY: "http://127.0.0.1:9",
      NO_PROXY: "",
      no_proxy: "",
    },
  });
  await stage.sandbox.write("home", ".claude/settings.json", own);
  const [node, script] = relayCommand;
  const ran = await runProgram({
    file: node,
    args: [script, "--config", stage.relay.configFile, "run", "claude", "--", ...printing([twoCommands])],
    env: stage.sandbox.env,
    cwd: stage.sandbox.workspace,
  });
  assert.equal(readTranscript(ran).lines.at(-1), `result success false: ${sawBoth}`);
  assert.deepEqual(accountsThatServed(stage), ["first", "first", "first"]);
  assert.equal(await readFile(join(stage.sandbox.home, ".claude/settings.json"), "utf8"), own);
  await assertSound(stage);
});

function longTexts({ upstream }: Stage): string[] {
  const bodies = upstream.requests.map(({ json }) => json as { messages: { content: unknown }[] });
  const blocks = bodies.flatMap(({ messages }) => messages.flatMap(({ content }) => content));
  return blocks.map((block) => stringField(block, "text") ?? "").filter(({ length }) => length > 1_000_000);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
