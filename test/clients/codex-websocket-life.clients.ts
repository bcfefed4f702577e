// Codex over WebSocket while the relay changes under its socket: it connects again by itself, and the conversation goes on.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { createSocketScript, type SocketScript } from "../support/socket-script.ts";
import { until } from "../support/until.ts";
import { codexModel, setUpProvider } from "./codex.ts";
import { scenes } from "./codex-scenes.ts";
import { runProgram } from "./program.ts";
import { relayCommand } from "./sandbox.ts";
import { firstKey, type RelayStage, secondKey, startRelayStage } from "./stage.ts";
import { sawBoth, sawOne } from "./task.ts";

interface Change {
  make(stage: RelayStage, sockets: SocketScript): Promise<void>;
  /** Whose key the requests after it have. */
  after: string;
}

const changes: Record<string, Change> = {
  "the relay is restarted": { make: ({ relay }) => relay.restart("SIGTERM"), after: firstKey },
  "the relay is killed and comes back": { make: ({ relay }) => relay.restart("SIGKILL"), after: firstKey },
  "its account is disabled": { make: disableFirst, after: secondKey },
  "its account gets another key": { make: changeKey, after: "another-key-of-first" },
  "its account is removed": { make: removeFirst, after: secondKey },
  "the provider ends the socket": {
    make: async (_, sockets) => sockets.closeAll(1001),
    after: firstKey,
  },
};

/** Requests of the conversation that the change is made with, counted from the warm-up. */
const moments = { "while a tool runs": 2, "between two turns": 3 } as const;

describe("Codex over WebSocket", { concurrency: 2 }, () => {
  for (const [what, change] of Object.entries(changes))
    for (const [moment, number] of Object.entries(moments))
      test(`goes on when ${what}, ${moment}`, (t) => play(t, { change, number }));
});

async function play(
  t: Parameters<typeof startRelayStage>[0],
  { change, number }: { change: Change; number: number },
): Promise<void> {
  const sockets = createSocketScript();
  const stage = await startRelayStage(t, { type: "openai-responses", sockets });
  sockets.answerWith(codexModel);
  stage.upstream.on(() => true, codexModel);
  let made: Promise<void> | undefined;
  const isLast = () =>
    sockets.creates.length === number + 1 && sockets.creates.at(-1)?.outcome === "complete";
  const watch = setInterval(() => {
    if (made === undefined && isLast()) made = change.make(stage, sockets);
  }, 5);
  t.after(() => clearInterval(watch));
  const { shown, kept } = await scenes["app-server"](
    stage,
    await setUpProvider(stage),
    () => true,
    // The second turn begins when the change is made.
    async () => until("the change is made", async () => made && (await made.then(() => true))),
  );
  await made;
  assert.deepEqual(
    shown.filter((line) => /^(?:says I|error|turn)/.test(line)),
    [`says ${sawBoth}`, "turn completed ", `says ${sawOne}`, "turn completed "],
  );
  assert.equal(kept.at(-1), `assistant: ${sawOne}`);
  assert.equal(sockets.creates[0]?.credential, firstKey);
  assert.equal(sockets.creates.at(-1)?.credential, change.after);
  assert.equal(stage.upstream.requests.filter(({ method }) => method === "POST").length, 0);
  const { total } = await stage.relay.usage("account");
  assert.equal(total.errors, 0);
}

async function disableFirst({ relay, sandbox }: RelayStage): Promise<void> {
  const [file, script] = relayCommand;
  const args = [script, "--config", relay.configFile, "accounts", "disable", "first"];
  const { code, stderr } = await runProgram({ file, args, env: sandbox.env, cwd: sandbox.workspace });
  assert.equal(code, 0, stderr);
}

function changeKey(stage: RelayStage): Promise<void> {
  return edit(stage, (text) => text.replace(`"${firstKey}"`, `"another-${firstKey}"`));
}

function removeFirst(stage: RelayStage): Promise<void> {
  return edit(stage, (text) => text.replace(/\[\[accounts\]\]\nid = "first"[\s\S]*?(?=\[\[accounts)/, ""));
}

async function edit({ relay }: RelayStage, change: (text: string) => string): Promise<void> {
  const before = readFileSync(relay.configFile, "utf8");
  const after = change(before);
  assert.notEqual(after, before);
  writeFileSync(relay.configFile, after);
  await until("the configuration is reloaded", () =>
    relay.log().some(({ msg }) => msg === "the configuration was reloaded"),
  );
}
