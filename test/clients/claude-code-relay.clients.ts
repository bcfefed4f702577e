// Claude Code and the relay's own life: restarts, logins of accounts, many sessions at once, and answers in every coding and cut.

import assert from "node:assert/strict";
import { test } from "node:test";
import { claudeLimits } from "../../src/demo/provider/claude.ts";
import { startAuthorizationServer } from "../support/authorization-server.ts";
import type { Behaviour } from "../support/behaviour.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { claudeModel, lineKinds, readTranscript, runClaude, sessionOf } from "./claude-code.ts";
import { startRelayProcess } from "./relay-process.ts";
import {
  accountBlock,
  accountsThatServed,
  assertSound,
  firstKey,
  playBoth,
  type RelayStage,
  startDirectStage,
  startRelayStage,
} from "./stage.ts";
import { commands, failingKey, greeting, sawBoth, sawOne, withFaults } from "./task.ts";

const settings = { type: "claude-api", model: claudeModel } as const;
const twoCommands = `Script: run [[${commands.one}]] and then [[${commands.two}]]`;

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(`after a restart of the relay (${signal}) a session of Claude Code is still at home on its account, and nothing recorded is lost`, async (t) => {
    const stage = await startRelayStage(t, settings);
    const { upstream, relay } = stage;
    upstream.on(() => true, claudeModel);
    upstream.queue(firstKey, claudeFailures.bucketEmpty(2));
    const begun = await runClaude(stage, { args: [twoCommands] });
    await relay.restart(signal);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const resumed = await runClaude(stage, {
      args: ["--resume", sessionOf(begun), `Script: run [[${commands.one}]]`],
    });
    assert.equal(readTranscript(resumed).lines.at(-1), `result success false: ${sawOne}`);
    assert.deepEqual(accountsThatServed(stage), ["second", "second", "second", "second", "second"]);
    const { total } = await relay.usage("account");
    assert.equal(total.requests, 5);
    await assertSound(stage);
  });
}

test("a relay that is killed in the middle of an answer and comes back costs Claude Code one retry", async (t) => {
  const stage = await startRelayStage(t, settings);
  const { upstream, relay } = stage;
  const slow: Behaviour = { content: greeting, events: 20, betweenEvents: 200 };
  upstream.on(
    () => true,
    withFaults(claudeModel, (_, number) => (number === 2 ? slow : undefined)),
  );
  const running = runClaude(stage, { args: [twoCommands] });
  const [, second] = await upstream.received(2);
  while (second?.bytesSent === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await relay.restart("SIGKILL");
  const run = await running;
  assert.equal(readTranscript(run).lines.at(-1), `result success false: ${sawBoth}`);
  assert.ok(lineKinds(run).includes("system/api_retry"));
  // What the killed process had not passed on whole is in nobody's records.
  const { total } = await relay.usage("account");
  assert.equal(total.requests, 3);
});

test("six sessions of Claude Code whose account reaches its limit at the same time all end well on the other one", async (t) => {
  const stage = await startRelayStage(t, settings);
  const { upstream } = stage;
  const limited = claudeFailures.windowRejected("5h", Date.now() + 7_200_000);
  // By then the sessions are about to have their second turns.
  upstream.on(() => true, withFaults(claudeModel, failingKey(firstKey, limited, 7)));
  const runs = await Promise.all(
    Array.from({ length: 6 }, () => runClaude(stage, { args: [twoCommands], timeoutMs: 120_000 })),
  );
  for (const run of runs) {
    assert.equal(readTranscript(run).lines.at(-1), `result success false: ${sawBoth}`);
    assert.ok(!lineKinds(run).includes("system/api_retry"));
  }
  assert.equal(new Set(runs.map(sessionOf)).size, 6);
  const { total } = await stage.relay.usage("account");
  assert.deepEqual([total.requests, total.errors], [18, 0]);
  await assertSound(stage);
});

const forms: Record<string, Behaviour> = {
  "compressed with gzip": { encoding: "gzip" },
  "compressed with br": { encoding: "br" },
  "compressed with zstd": { encoding: "zstd" },
  "byte by byte": { chunking: "byte" },
  "cut inside characters, with pings": { chunking: "utf8", pings: 3 },
  "in one piece": { chunking: "merged" },
};

for (const [form, behaviour] of Object.entries(forms)) {
  test(`Claude Code reads answers that come ${form}, and they are counted`, async (t) => {
    const model: typeof claudeModel = (request) => ({ ...claudeModel(request), ...behaviour });
    const { outcome } = await playBoth(t, { type: "claude-api", model }, async (stage) =>
      readTranscript(await runClaude(stage, { args: [`Script: run [[${commands.one}]]`] })),
    );
    assert.equal(outcome.lines.at(-1), `result success false: ${sawOne}`);
  });
}

test("Claude Code works with the logins of accounts: one refresh each, its own betas kept, the limits of nobody shown", async (t) => {
  const { upstream, sandbox } = await startDirectStage(t);
  const authorization = await startAuthorizationServer();
  t.after(() => authorization.close());
  const accounts = ["first", "second"].map((id, index) =>
    accountBlock(id, "claude-oauth", upstream.url, 200 - index).replace(
      `key-of-${id}`,
      authorization.issue(),
    ),
  );
  const relay = await startRelayProcess(
    `${accounts.join("\n")}\n[oauth.claude]\ntoken_url = "${authorization.url}/token"\n`,
  );
  t.after(() => relay.stop());
  const stage: RelayStage = { upstream, sandbox, relay };
  const resetsAt = Date.now() + 7_200_000;
  const headers = claudeLimits(
    { "5h": { status: "allowed", reset: Math.floor(resetsAt / 1000), utilization: 0.5 } },
    { status: "allowed", claim: "five_hour" },
  );
  const limited = claudeFailures.windowRejected("5h", resetsAt);
  upstream.on(
    () => true,
    withFaults(
      (request) => ({ ...claudeModel(request), headers }),
      (request, number) =>
        number > 1 && request.credential === upstream.requests[0]?.credential ? limited : undefined,
    ),
  );
  const run = await runClaude(stage, { args: [twoCommands] });
  assert.equal(readTranscript(run).lines.at(-1), `result success false: ${sawBoth}`);
  assert.deepEqual(
    lineKinds(run).filter((kind) => /retry|rate_limit/.test(kind)),
    [],
  );
  assert.equal(authorization.requests.length, 2);
  for (const request of upstream.requests) {
    assert.ok(authorization.accepts(request.credential));
    const betas = String(request.headers["anthropic-beta"]).split(",");
    assert.ok(betas.includes("oauth-2025-04-20"));
    assert.ok(betas.length > 3, betas.join());
    assert.equal(new Set(betas).size, betas.length);
  }
  const { total } = await relay.usage("account");
  assert.deepEqual(total.tokens, upstream.total());
  assert.deepEqual([total.requests, total.errors], [3, 0]);
});
