// Codex with the provider that `cc-relay env codex` prints: tools, failing accounts, sessions taken up again, and `cc-relay run codex`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Behaviour } from "../support/behaviour.ts";
import { openaiFailedEvent, openaiFailures } from "../support/openai-script.ts";
import { codexModel, executing, readTranscript, runCodex, setUpProvider, threadOf } from "./codex.ts";
import { runProgram } from "./program.ts";
import { relayCommand } from "./sandbox.ts";
import { accountsThatServed, assertSound, firstKey, playBoth, type Stage, startRelayStage } from "./stage.ts";
import { commands, failingKey, greeting, sawBoth, sawOne } from "./task.ts";

const settings = { type: "openai-responses", model: codexModel } as const;
const twoCommands = `Script: run [[${commands.one}]] and then [[${commands.two}]]`;
const inTwoHours = () => Date.now() + 7_200_000;

async function work(stage: Stage, args: readonly string[] = [twoCommands]) {
  return readTranscript(await runCodex(stage, { args, env: await setUpProvider(stage) }));
}

test("Codex runs two tools, one after the other, and says what they returned", async (t) => {
  const { stage, outcome } = await playBoth(t, settings, work);
  assert.equal(outcome.exitCode, 0);
  assert.equal(outcome.lines.at(-1), `agent_message: ${sawBoth}`);
  assert.deepEqual(accountsThatServed(stage), ["first", "first", "first"]);
});

test("Codex with a model that is given functions does the same", async (t) => {
  const { outcome } = await playBoth(t, settings, (stage) => work(stage, [twoCommands, "-m", "gpt-5"]));
  assert.equal(outcome.lines.at(-1), `agent_message: ${sawBoth}`);
});

const hidden: Record<string, () => Behaviour> = {
  "is limited without saying until when": () => openaiFailures.bare429(),
  "is refused": () => openaiFailures.unauthorized(),
  "has a fault": () => openaiFailures.serverError(),
  "fails in its stream's first event": () => ({ firstEvent: openaiFailedEvent("server_is_overloaded") }),
};

for (const [what, fault] of Object.entries(hidden)) {
  test(`Codex does not notice that its account ${what} in the middle of the turn`, async (t) => {
    const hiddenFaults = failingKey(firstKey, fault(), 2);
    const { stage, outcome } = await playBoth(t, { ...settings, hiddenFaults }, work);
    assert.equal(outcome.lines.at(-1), `agent_message: ${sawBoth}`);
    assert.equal(accountsThatServed(stage).filter((account) => account === "second").length, 2);
  });
}

test("a stream that breaks off is sent again by Codex, and the turn ends well", async (t) => {
  const cut: Behaviour = { content: greeting, events: 10, cut: { afterEvents: 6, how: "rst" } };
  const { outcome } = await playBoth(
    t,
    { ...settings, faults: (_, number) => (number === 2 ? cut : undefined), errors: 1 },
    async (stage) => withoutAddress(await work(stage)),
  );
  assert.equal(outcome.lines.at(-1), `agent_message: ${sawBoth}`);
});

test("a session of Codex that is taken up again stays on its account, a new one does not", async (t) => {
  const stage = await startRelayStage(t, settings);
  const { upstream } = stage;
  upstream.on(() => true, codexModel);
  const env = await setUpProvider(stage);
  upstream.queue(firstKey, openaiFailures.rateLimited(2));
  const begun = await runCodex(stage, { env, args: [twoCommands] });
  assert.deepEqual(accountsThatServed(stage), ["second", "second", "second"]);
  await sleep(2000);

  const one = `Script: run [[${commands.one}]]`;
  const last = await runCodex(stage, { env, args: ["resume", "--last", one] });
  assert.equal(readTranscript(last).lines.at(-1), `agent_message: ${sawOne}`);
  const named = await runCodex(stage, { env, args: ["resume", threadOf(begun), "Script: say hello"] });
  assert.equal(readTranscript(named).lines.at(-1), `agent_message: ${greeting}`);
  assert.deepEqual(accountsThatServed(stage).slice(3), ["second", "second", "second"]);

  await runCodex(stage, { env, args: ["Script: say hello"] });
  assert.deepEqual(accountsThatServed(stage).slice(6), ["first"]);
  await assertSound(stage);
});

test("the state that a provider gives to a turn comes back to it, on the account that gave it", async (t) => {
  const stage = await startRelayStage(t, settings);
  const { upstream } = stage;
  upstream.on(
    () => true,
    (request) => ({ ...codexModel(request), headers: { "x-codex-turn-state": `of-${request.credential}` } }),
  );
  const transcript = await work(stage);
  assert.equal(transcript.lines.at(-1), `agent_message: ${sawBoth}`);
  assert.deepEqual(
    upstream.requests.map(({ headers }) => headers["x-codex-turn-state"]),
    [undefined, `of-${firstKey}`, `of-${firstKey}`],
  );
  await assertSound(stage);
});

test("when every account is at its limit Codex says so at once, and until when", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(() => true, openaiFailures.usageLimit(inTwoHours()));
  const run = await runCodex(stage, { args: ["Script: say hello"], env: await setUpProvider(stage) });
  assert.notEqual(run.code, 0);
  assert.match(readTranscript(run).lines.join("\n"), /limit/);
  assert.ok(run.ms < 15_000, `${run.ms} ms`);
});

test("`cc-relay run codex` needs nothing set up, and exits as Codex does", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(() => true, codexModel);
  const [node, script] = relayCommand;
  const ran = await runProgram({
    file: node,
    args: [script, "--config", stage.relay.configFile, "run", "codex", "--", ...executing([], [twoCommands])],
    env: { ...stage.sandbox.env, OPENAI_API_KEY: "a key that must not be used" },
    cwd: stage.sandbox.workspace,
  });
  const { lines, exitCode } = readTranscript(ran);
  assert.equal(lines.at(-1), `agent_message: ${sawBoth}`);
  assert.equal(exitCode, 0);
  await assertSound(stage);
});

/** Codex names the address in its errors. */
function withoutAddress({ exitCode, lines }: ReturnType<typeof readTranscript>) {
  return { exitCode, lines: lines.map((line) => line.replaceAll(/http:\/\/127\.0\.0\.1:\d+[/\w]*/g, "…")) };
}
