// One case for each client program, the short form's: set up by `cc-relay env`, two tools one after the other, and its account at the
// limit in the middle of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { claudeFailures } from "../support/claude-script.ts";
import { geminiFailures } from "../support/gemini-script.ts";
import { openaiFailures } from "../support/openai-script.ts";
import * as claude from "./claude-code.ts";
import * as codex from "./codex.ts";
import * as gemini from "./gemini-cli.ts";
import { accountsAsked, firstKey, playBoth } from "./stage.ts";
import { commands, failingKey, sawBoth } from "./task.ts";

const twoCommands = `Script: run [[${commands.one}]] and then [[${commands.two}]]`;
const inTwoHours = () => Date.now() + 7_200_000;

test("Claude Code works on while its account reaches its limit, and ends as without the relay", async (t) => {
  const hiddenFaults = failingKey(firstKey, claudeFailures.windowRejected("5h", inTwoHours()), 2);
  const { stage, outcome } = await playBoth(
    t,
    { type: "claude-api", model: claude.claudeModel, hiddenFaults },
    async (stage) => {
      const run = await claude.runClaude(stage, { args: [twoCommands] });
      return { ...claude.readTranscript(run), kinds: claude.lineKinds(run) };
    },
  );
  assert.equal(outcome.lines.at(-1), `result success false: ${sawBoth}`);
  assert.deepEqual(accountsAsked(stage), ["first", "first", "second", "second"]);
});

test("Gemini CLI works on while its account spends its quota of the day, and ends as without the relay", async (t) => {
  const hiddenFaults = failingKey(firstKey, geminiFailures.perDay(), 3);
  const { stage, outcome } = await playBoth(
    t,
    { type: "gemini-api", model: gemini.geminiModel, hiddenFaults },
    async (stage) =>
      gemini.readTranscript(await gemini.runGemini(stage, { mode: "key", args: [twoCommands] })),
  );
  assert.equal(outcome.lines.at(-2), `assistant: ${sawBoth}`);
  assert.deepEqual(accountsAsked(stage), ["first", "first", "first", "second", "second"]);
});

test("Codex works on while its account reaches its limit, and ends as without the relay", async (t) => {
  const hiddenFaults = failingKey(firstKey, openaiFailures.usageLimit(inTwoHours()), 2);
  const { stage, outcome } = await playBoth(
    t,
    { type: "openai-responses", model: codex.codexModel, hiddenFaults },
    async (stage) => {
      const env = await codex.setUpProvider(stage);
      return codex.readTranscript(await codex.runCodex(stage, { args: [twoCommands], env }));
    },
  );
  assert.equal(outcome.lines.at(-1), `agent_message: ${sawBoth}`);
  assert.deepEqual(accountsAsked(stage), ["first", "first", "second", "second"]);
});
