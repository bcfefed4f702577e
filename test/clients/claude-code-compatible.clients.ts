// Claude Code goes out to a compatible host when its own login is at its limit for long, stays there through a loop of tools though the login
// is back, and returns with its next turn.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { claudeFailures } from "../support/claude-script.ts";
import { asGlm, checkSignatures } from "../support/compatible-script.ts";
import { claudeModel, lineKinds, printing, readTranscript } from "./claude-code.ts";
import { assertRecorded, startLoginStage } from "./own-login.ts";
import { runProgram } from "./program.ts";
import { commands, sawBoth, sawOne } from "./task.ts";

const login = "sk-ant-oat01-made-up-login";
const limitMs = 4000;

test("Claude Code goes out to GLM in the middle of a loop of tools, and returns with the next turn", async (t) => {
  const stage = await startLoginStage(t, {
    ...{ family: "claude", login },
    accounts: ({ compatible }) =>
      `[[accounts]]
id = "glm"
type = "claude-api"
api_url = "${compatible}"
api_key = "key-of-glm"
auth = "bearer"
model_map = { "*haiku*" = "glm-4.5-air", "*" = "glm-5.2" }

[session]
foreign_after_seconds = 2
max_wait_seconds = 0
`,
  });
  const { provider, compatible, sandbox, relay } = stage;
  let limitedUntil: number | undefined;
  checkSignatures(provider, (request) => {
    const isSecond = provider.requests.filter(({ method }) => method === "POST").length === 2;
    if (!isSecond) return claudeModel(request);
    limitedUntil = Date.now() + limitMs;
    return claudeFailures.windowRejected("5h", limitedUntil);
  });
  // When its first answer has come to its end, the login is back.
  asGlm(compatible, (request) => ({
    ...claudeModel(request),
    firstEventAfter: compatible.requests.length === 1 ? limitMs + 1000 : 0,
  }));
  const turn = (text: string) =>
    `${JSON.stringify({ type: "user", message: { role: "user", content: text } })}\n`;
  async function* turns() {
    yield turn(`Script: run [[${commands.one}]] and then [[${commands.two}]]`);
    await compatible.received(2);
    await compatible.requests[1]!.closed;
    // A message that comes while it is still at work belongs to the turn before.
    await sleep(1500);
    yield turn(`Script: run [[${commands.one}]]`);
  }
  const run = await runProgram({
    file: "claude",
    args: [...printing([]), "--input-format", "stream-json"],
    input: turns(),
    env: {
      ...{ ...sandbox.env, CLAUDE_CODE_OAUTH_TOKEN: login },
      ...(await relay.env("claude", "--own-login")),
    },
    cwd: sandbox.workspace,
  });
  const results = readTranscript(run).lines.filter((line) => line.startsWith("result"));
  assert.deepEqual(results, [`result success false: ${sawBoth}`, `result success false: ${sawOne}`]);
  assert.ok(!lineKinds(run).includes("system/api_retry"));
  assert.ok(compatible.requests[1]!.receivedAt > limitedUntil!, "the login was back by then");
  for (const { model, headers } of compatible.requests) {
    assert.equal(model, "glm-5.2");
    assert.equal(headers["anthropic-workspace-id"], undefined);
  }
  // The second turn's first request is refused for GLM's thinking, and Claude Code itself sends it again without.
  assert.deepEqual(stage.asked(), ["own", "own", "glm", "glm", "own", "own", "own"]);
  const [refused, healed] = provider.requests.slice(-3);
  assert.match(refused!.body.toString(), /glm-signature/);
  assert.doesNotMatch(healed!.body.toString(), /glm-signature/);
  assert.match(
    healed!.body.toString(),
    /"call_01_2000"/,
    "the ids of tools that the host gave come back as they are",
  );
  await assertRecorded(stage, { own: 4, glm: 2 });
});
