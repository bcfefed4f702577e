// Codex over WebSocket, the short form's: one socket, little to send, and a few faults of an account that its user never sees.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSocketScript } from "../support/socket-script.ts";
import { chatgptLogin, codexModel, executing, readTranscript, runCodex, setUpProvider } from "./codex.ts";
import { type Place, playFault, type RowName } from "./codex-faults.ts";
import type { SceneName } from "./codex-scenes.ts";
import { runProgram } from "./program.ts";
import { relayCommand } from "./sandbox.ts";
import { startRelayStage } from "./stage.ts";
import { commands, sawBoth, sawOne } from "./task.ts";

test("Codex runs two tools over one socket, and sends little from the second request on", async (t) => {
  const sockets = createSocketScript();
  const stage = await startRelayStage(t, { type: "openai-responses", sockets });
  sockets.answerWith(codexModel);
  const args = [`Script: run [[${commands.one}]] and then [[${commands.two}]]`];
  const run = await runCodex(stage, { args, env: await setUpProvider(stage) });
  const { exitCode, lines } = readTranscript(run);
  assert.deepEqual([exitCode, lines.at(-1)], [0, `agent_message: ${sawBoth}`]);
  assert.equal(stage.upstream.requests.length, 0);
  assert.equal(new Set(sockets.creates.map(({ socket }) => socket)).size, 1);
  t.diagnostic(`bytes of each request: ${sockets.creates.map(({ frame }) => frame.length).join(", ")}`);
  assert.ok(sockets.creates.at(-1)!.frame.length < 8000);
  const usage = await stage.relay.usage("account");
  assert.equal(usage.total.requests, sockets.creates.filter(({ json }) => json.generate !== false).length);
});

interface Ways {
  /** Of `cc-relay run codex`. */
  flags: readonly string[];
  overSocket: boolean;
}

const ways: Record<string, Ways> = {
  "uses a WebSocket": { flags: [], overSocket: true },
  "uses HTTP alone when it is asked to": { flags: ["--no-websocket"], overSocket: false },
  "uses a WebSocket with Codex's own login beside the relay's key": {
    flags: ["--own-login"],
    overSocket: true,
  },
  "uses HTTP alone with Codex's own login, too": {
    flags: ["--own-login", "--no-websocket"],
    overSocket: false,
  },
};

for (const [what, { flags, overSocket }] of Object.entries(ways))
  test(`cc-relay run codex ${what}`, async (t) => {
    const sockets = createSocketScript();
    const stage = await startRelayStage(t, { type: "openai-responses", sockets });
    sockets.answerWith(codexModel);
    stage.upstream.on(() => true, codexModel);
    await stage.sandbox.write("home", ".codex/auth.json", chatgptLogin());
    const [file, script] = relayCommand;
    const codex = executing([], [`Script: run [[${commands.one}]]`]);
    const args = [script, "--config", stage.relay.configFile, "run", "codex", ...flags, "--", ...codex];
    const { env, workspace: cwd } = stage.sandbox;
    const { exitCode, lines } = readTranscript(await runProgram({ file, args, env, cwd }));
    assert.deepEqual([exitCode, lines.at(-1)], [0, `agent_message: ${sawOne}`]);
    const posts = stage.upstream.requests.filter(({ path }) => path === "/v1/responses");
    assert.deepEqual([sockets.creates.length > 0, posts.length > 0], [overSocket, !overSocket]);
    // Its own login is for its own provider.
    assert.ok(sockets.upgrades.every(({ credential }) => credential === "key-of-first"));
    assert.doesNotMatch(JSON.stringify(sockets.upgrades), /of-a-person/);
  });

const few: readonly [SceneName, RowName, Place][] = [
  ["exec", "is at its limit", "the first request"],
  ["exec", "answers the upgrade with 426", "the warm-up"],
  ["app-server", "cuts TCP", "the second turn"],
  ["app-server", "is overloaded", "a tool's result"],
  ["terminal", "is at its limit", "a tool's result"],
];

for (const [scene, row, place] of few)
  test(`Codex in ${scene}: an account that ${row} at ${place} is not seen`, (t) =>
    playFault(t, { scene, row, place }));
