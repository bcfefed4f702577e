// Claude Code as a person uses it: in a terminal, with the variables that `cc-relay env claude` prints and nothing else set up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { claudeModelList } from "../../src/demo/provider/claude.ts";
import { claudeEnvironment, claudeModel, sessionHeader } from "./claude-code.ts";
import { relayCommand } from "./sandbox.ts";
import { assertSound, type RelayStage, secondKey, startRelayStage } from "./stage.ts";
import { commands, greeting, sawOne } from "./task.ts";
import { openTerminal, type TerminalProgram } from "./terminal.ts";

const settings = { type: "claude-api" } as const;
const enter = "\r";

/** A home in which somebody has used Claude Code before: the questions of the first start are answered. */
async function claudeInTerminal(stage: RelayStage, env: Record<string, string>): Promise<TerminalProgram> {
  const { sandbox } = stage;
  const project = { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true };
  const state = {
    hasCompletedOnboarding: true,
    lastOnboardingVersion: "2.1.330",
    theme: "dark",
    projects: { [sandbox.workspace]: project },
  };
  await sandbox.write("home", ".claude.json", JSON.stringify(state));
  return {
    file: "claude",
    args: ["--allowedTools", "Bash(printf:*)"],
    env: { ...sandbox.env, DISABLE_AUTOUPDATER: "1", ...env },
    cwd: sandbox.workspace,
  };
}

test("in a terminal Claude Code starts without asking about the key, works, and /context counts its tokens through the relay", async (t) => {
  const stage = await startRelayStage(t, settings);
  const { upstream } = stage;
  upstream.on(() => true, claudeModel);
  const terminal = openTerminal(await claudeInTerminal(stage, await claudeEnvironment(stage)));
  t.after(() => terminal.close());

  await terminal.shows("shift+tab to cycle");
  assert.doesNotMatch(terminal.seen(), /APIkey|Doyouwant/i);
  terminal.type(`Script: run [[${commands.one}]]`);
  terminal.type(enter);
  await terminal.shows(sawOne);
  const [first] = upstream.requests;
  assert.match(String(first?.headers["user-agent"]), /\(external, cli\)/);

  terminal.type("/context");
  terminal.type(enter);
  await terminal.shows("Free space");
  const counts = upstream.requests.filter(({ path }) => path === "/v1/messages/count_tokens");
  assert.ok(counts.length >= 10, `${counts.length} counts`);
  for (const request of counts) {
    assert.equal(request.credential, "key-of-first");
    assert.equal(sessionHeader(request), sessionHeader(first!));
  }
  const { total } = await stage.relay.usage("account");
  assert.equal(total.requests, upstream.served.length, "counting costs no row");
  assert.equal(total.errors, 0);

  terminal.type("/exit");
  terminal.type(enter);
  assert.equal(await terminal.ended(), 0);
  await assertSound(stage);
});

test("Claude Code finds the models of the accounts in time, though one of the providers does not answer", async (t) => {
  const stage = await startRelayStage(t, settings);
  const { upstream } = stage;
  upstream.on(() => true, claudeModel);
  // Those that Claude Code knows itself it lists as its own.
  upstream.on({ path: "/v1/models" }, { body: claudeModelList(["claude-of-the-house"]) });
  upstream.on(secondKey, { hang: true });
  const discovery = { CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: "1" };
  const env = { ...(await claudeEnvironment(stage)), ...discovery };
  const terminal = openTerminal(await claudeInTerminal(stage, env));
  t.after(() => terminal.close());
  await terminal.shows("shift+tab to cycle");
  const listings = () => stage.relay.log().filter(({ route }) => route === "claude/list-models");
  while (listings().length === 0) await sleep(50);
  terminal.type("/model");
  terminal.type(enter);
  await terminal.shows("From gateway");
});

test("`cc-relay run claude` hands the terminal over to Claude Code", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(() => true, claudeModel);
  const { args, file, ...place } = await claudeInTerminal(stage, {});
  const [node, script] = relayCommand;
  const run = ["--config", stage.relay.configFile, "run", file, "--", ...args];
  const terminal = openTerminal({ ...place, file: node, args: [script, ...run] });
  t.after(() => terminal.close());
  await terminal.shows("shift+tab to cycle");
  terminal.type("Script: say hello");
  terminal.type(enter);
  await terminal.shows(greeting);
  terminal.type("/exit");
  terminal.type(enter);
  assert.equal(await terminal.ended(), 0);
  await assertSound(stage);
});
