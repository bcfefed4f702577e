// Claude Code while accounts fail: what the relay can keep from it, it does not notice, and the cooldown ends as it does without the relay.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Behaviour } from "../support/behaviour.ts";
import { claudeError, claudeErrorEvent, claudeFailures } from "../support/claude-script.ts";
import {
  type ClaudeTranscript,
  claudeModel,
  lineKinds,
  readTranscript,
  runClaude,
  sessionHeader,
} from "./claude-code.ts";
import {
  accountsThatServed,
  assertSound,
  firstKey,
  playBoth,
  type Stage,
  startDirectStage,
  startRelayStage,
} from "./stage.ts";
import { commands, failingKey, greeting, sawBoth, withFaults } from "./task.ts";

const settings = { type: "claude-api", model: claudeModel } as const;
const twoCommands = `Script: run [[${commands.one}]] and then [[${commands.two}]]`;
const inTwoHours = () => Date.now() + 7_200_000;

/** The transcript, and that Claude Code never had to try again. */
async function workUndisturbed(stage: Stage): Promise<ClaudeTranscript> {
  const run = await runClaude(stage, { args: [twoCommands] });
  assert.deepEqual(
    lineKinds(run).filter((kind) => /retry|rate_limit/.test(kind)),
    [],
  );
  return readTranscript(run);
}

const hidden: Record<string, () => Behaviour> = {
  "is overloaded": () => claudeFailures.overloaded(),
  "says so in its stream's first event": () => ({ firstEvent: claudeErrorEvent("overloaded_error") }),
  "resets its connections": () => ({ breakOff: { when: "before-headers", how: "rst" } }),
};

for (const [what, fault] of Object.entries(hidden)) {
  test(`Claude Code does not notice that its account ${what} in the middle of the session`, async (t) => {
    const { stage, outcome } = await playBoth(
      t,
      { ...settings, hiddenFaults: failingKey(firstKey, fault(), 2) },
      workUndisturbed,
    );
    assert.equal(outcome.lines.at(-1), `result success false: ${sawBoth}`);
    assert.deepEqual(accountsThatServed(stage).filter((account) => account === "second").length, 2);
    assert.equal(new Set(stage.upstream.requests.map(sessionHeader)).size, 1);
  });
}

test("a refused key on one account costs Claude Code neither an error nor its three minutes of silence", async (t) => {
  const hiddenFaults = failingKey(firstKey, claudeFailures.unauthorized());
  const startedAt = Date.now();
  const { stage, outcome } = await playBoth(t, { ...settings, hiddenFaults }, workUndisturbed);
  assert.ok(Date.now() - startedAt < 60_000);
  assert.equal(outcome.lines.at(-1), `result success false: ${sawBoth}`);
  // The account was asked once; from then on it is in cooldown.
  assert.equal(stage.upstream.requests.filter(({ credential }) => credential === firstKey).length, 1);
});

test("a stream that breaks off is sent again by Claude Code, and the session ends well on the same account", async (t) => {
  const cut: Behaviour = { content: greeting, events: 10, cut: { afterEvents: 6, how: "rst" } };
  const { stage, outcome } = await playBoth(
    t,
    { ...settings, faults: (_, number) => (number === 2 ? cut : undefined), errors: 1 },
    async (stage) => {
      const run = await runClaude(stage, { args: [twoCommands] });
      return {
        ...readTranscript(run),
        retries: lineKinds(run).filter((kind) => kind.includes("retry")).length,
      };
    },
  );
  assert.equal(outcome.lines.at(-1), `result success false: ${sawBoth}`);
  assert.equal(outcome.retries, 1);
  assert.deepEqual(
    stage.upstream.served.map(({ credential, outcome }) => [credential, outcome]),
    ["complete", "cut", "complete", "complete"].map((outcome) => [firstKey, outcome]),
  );
});

test("when the provider is overloaded on every account Claude Code tries again, and ends well", async (t) => {
  const stage = await startRelayStage(t, settings);
  const overloaded = withFaults(claudeModel, (_, number) =>
    number <= 2 ? claudeFailures.overloaded() : undefined,
  );
  stage.upstream.on(() => true, overloaded);
  const run = await runClaude(stage, { args: [twoCommands] });
  assert.ok(lineKinds(run).includes("system/api_retry"));
  assert.equal(readTranscript(run).lines.at(-1), `result success false: ${sawBoth}`);
  assert.ok(run.ms < 30_000, `${run.ms} ms`);
  await assertSound(stage);
});

test("a wrong relay key is refused at once", async (t) => {
  const stage = await startRelayStage(t, settings);
  const run = await runClaude(stage, {
    args: ["Script: say hello"],
    env: { ANTHROPIC_AUTH_TOKEN: "not-the-key" },
  });
  assert.equal(run.code, 1);
  assert.match(run.stdout, /the relay key is not one of api_keys/);
  assert.ok(!lineKinds(run).includes("system/api_retry"));
  assert.ok(run.ms < 15_000, `${run.ms} ms`);
  assert.equal(stage.upstream.requests.length, 0);
});

test("when every account is at its limit Claude Code prints until when, and does not wait for it", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(() => true, claudeFailures.windowRejected("7d", inTwoHours()));
  const run = await runClaude(stage, { args: ["Script: say hello"] });
  assert.equal(run.code, 1);
  assert.match(
    readTranscript(run).lines.at(-1) ?? "",
    /Every Claude account is at its limit until 20\S+Z \(in 2h[^)]*\), first is back first; wait, or add an account/,
  );
  assert.ok(!lineKinds(run).includes("system/api_retry"));
  assert.ok(run.ms < 15_000, `${run.ms} ms`);
});

test("the provider's own refusals reach Claude Code as they are, with as many requests as without the relay", async (t) => {
  const refusal = claudeError(400, { message: "prompt is too long: 1000001 tokens > 1000000 maximum" });
  const scene = async (stage: Stage) => {
    stage.upstream.on(() => true, refusal);
    const run = await runClaude(stage, { args: ["Script: say hello"] });
    const sent = stage.upstream.requests.map(({ url, json }) => [url, (json as { stream?: boolean }).stream]);
    return { ...readTranscript(run), sent };
  };
  const direct = await scene(await startDirectStage(t));
  const stage = await startRelayStage(t, settings);
  assert.deepEqual(await scene(stage), direct);
  assert.deepEqual(new Set(stage.upstream.requests.map(({ credential }) => credential)), new Set([firstKey]));
});
