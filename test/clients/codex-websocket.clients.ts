// Codex over WebSocket: tool loops and second turns over the faults of an account, with another one that its user never sees.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type CreateFault, createSocketScript } from "../support/socket-script.ts";
import { codexModel, readTranscript, runCodex } from "./codex.ts";
import { relayKey } from "./relay-process.ts";
import { type RelayStage, startRelayStage } from "./stage.ts";
import { commands, sawBoth } from "./task.ts";

const twoCommands = `Script: run [[${commands.one}]] and then [[${commands.two}]]`;

async function startStage(t: TestContext) {
  const sockets = createSocketScript();
  sockets.answerWith(codexModel);
  const stage = await startRelayStage(t, { type: "openai-responses", sockets });
  stage.upstream.on(() => true, codexModel);
  return { sockets, stage };
}

/** A provider of one's own that asks for WebSocket, as flags. */
function flags({ relay }: RelayStage): string[] {
  const provider = `name="cc-relay",base_url="${relay.url}/openai/v1",wire_api="responses",env_key="CC_RELAY_KEY",supports_websockets=true`;
  return ["-c", 'model_provider="ccrelay"', "-c", `model_providers.ccrelay={${provider}}`];
}

async function work(stage: RelayStage) {
  const env = { CC_RELAY_KEY: relayKey };
  return readTranscript(await runCodex(stage, { flags: flags(stage), args: [twoCommands], env }));
}

test("Codex runs two tools over one socket, and sends little from the second request on", async (t) => {
  const { sockets, stage } = await startStage(t);
  const { exitCode, lines } = await work(stage);
  assert.deepEqual([exitCode, lines.at(-1)], [0, `agent_message: ${sawBoth}`]);
  assert.equal(stage.upstream.requests.length, 0);
  assert.equal(new Set(sockets.creates.map(({ socket }) => socket)).size, 1);
  t.diagnostic(`bytes of each request: ${sockets.creates.map(({ frame }) => frame.length).join(", ")}`);
  assert.ok(sockets.creates.at(-1)!.frame.length < 8000);
  const usage = await stage.relay.usage("account");
  assert.equal(usage.total.requests, sockets.creates.filter(({ json }) => json.generate !== false).length);
});

/** What the first account does to one request; which one is counted from the warm-up. */
const faults: Record<string, CreateFault> = {
  "reaches its usage limit": {
    kind: "error",
    status: 429,
    error: { type: "usage_limit_reached", message: "limit", resets_in_seconds: 7200 },
  },
  "is limited for a moment": {
    kind: "error",
    status: 429,
    error: { type: "requests", code: "rate_limit_exceeded", message: "slow" },
    headers: { "retry-after": "2" },
  },
  "refuses the key": { kind: "error", status: 401, error: { code: "invalid_api_key", message: "no" } },
  "is overloaded": { kind: "error", status: 503, error: { code: "server_is_overloaded", message: "full" } },
  "fails in the answer": { kind: "failed", code: "server_error" },
  "has lost the response": {
    kind: "error",
    status: 400,
    error: { type: "invalid_request_error", code: "previous_response_not_found", message: "gone" },
  },
  "has reached the socket's age": {
    kind: "error",
    status: 400,
    error: { code: "websocket_connection_limit_reached", message: "60 minutes" },
  },
  "closes with 1000": { kind: "close", code: 1000 },
  "closes with 1011": { kind: "close", code: 1011 },
  "closes with 1012": { kind: "close", code: 1012 },
  "cuts TCP": { kind: "close", code: undefined },
  "cuts the answer in the middle": { kind: "close", code: undefined, after: 5 },
};

for (const [what, fault] of Object.entries(faults)) {
  for (const number of [1, 2]) {
    test(`Codex's user sees nothing when the account ${what} at request ${number}`, async (t) => {
      const { sockets, stage } = await startStage(t);
      // The warm-up is the first one.
      sockets.fault("key-of-first", ...Array(number).fill(undefined), fault);
      const { exitCode, lines } = await work(stage);
      assert.deepEqual([exitCode, lines.at(-1)], [0, `agent_message: ${sawBoth}`], lines.join("\n"));
      assert.deepEqual(
        lines.filter((line) => /^(?:error|turn)/.test(line)),
        [],
      );
    });
  }
}
