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
  /** Whose key the second turn has; in the middle of a turn the other account may take over as well. */
  after: string;
  /** For a while nobody listens: Codex says that it connects again. */
  isAway?: boolean;
}

const changes: Record<string, Change> = {
  "the relay is restarted": {
    ...{ make: ({ relay }) => relay.restart("SIGTERM"), after: firstKey, isAway: true },
  },
  "the relay is killed and comes back": {
    ...{ make: ({ relay }) => relay.restart("SIGKILL"), after: firstKey, isAway: true },
  },
  "its account is disabled": { make: disableFirst, after: secondKey },
  "its account gets another key": { make: changeKey, after: "another-key-of-first" },
  "its account is removed": { make: removeFirst, after: secondKey },
  "the provider ends the socket": {
    make: async (_, sockets) => sockets.closeAll(1001),
    after: firstKey,
  },
};

const moments = ["in the middle of a turn", "between two turns"] as const;

describe("Codex over WebSocket", { concurrency: 2 }, () => {
  for (const [what, change] of Object.entries(changes))
    for (const moment of moments) test(`goes on when ${what}, ${moment}`, (t) => play(t, change, moment));
});

async function play(
  t: Parameters<typeof startRelayStage>[0],
  { make, after, isAway = false }: Change,
  moment: (typeof moments)[number],
): Promise<void> {
  const sockets = createSocketScript();
  const stage = await startRelayStage(t, { type: "openai-responses", sockets });
  sockets.answerWith(codexModel);
  stage.upstream.on(() => true, codexModel);
  const isBetween = moment === "between two turns";
  let made: Promise<void> | undefined;
  // The warm-up, and the request that asks for the first tool.
  if (!isBetween)
    sockets.faultOf = () => {
      if (sockets.creates.length === 3) made ??= make(stage, sockets);
      return undefined;
    };
  const { shown, kept } = await scenes["app-server"](
    stage,
    await setUpProvider(stage),
    () => true,
    () => (made ??= make(stage, sockets)),
  );
  const isNotice = (line: string) => isAway && !isBetween && /^error: Reconnecting/.test(line);
  assert.deepEqual(
    shown.filter((line) => /^(?:says I|error|turn)/.test(line) && !isNotice(line)),
    [`says ${sawBoth}`, "turn completed ", `says ${sawOne}`, "turn completed "],
  );
  assert.equal(kept.at(-1), `assistant: ${sawOne}`);
  assert.equal(sockets.creates[0]?.credential, firstKey);
  const last = sockets.creates.at(-1)?.credential ?? "";
  if (isBetween) assert.equal(last, after);
  else assert.ok([after, secondKey].includes(last), last);
  assert.ok(new Set(sockets.creates.map(({ socket }) => socket)).size > 1);
  assert.equal(stage.upstream.requests.filter(({ method }) => method === "POST").length, 0);
  const { total } = await stage.relay.usage("account");
  assert.ok(total.requests >= 5);
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
