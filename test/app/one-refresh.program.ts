// One login, many who need it at the same moment: requests of one relay, and other processes on the same database.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { RelayAppOptions } from "../../src/app/relay-app.ts";
import { describeLoginFailure } from "../../src/oauth/login-failure.ts";
import { hashToken } from "../../src/oauth/refresh.ts";
import type { LoginToken } from "../../src/oauth/tokens.ts";
import { cases } from "../relay/cases.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { send } from "../support/client.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

interface Stage {
  upstream: ScriptedUpstream;
  authorization: AuthorizationServer;
  relay: TestRelay;
  ask(): Promise<void>;
}

async function setStage(
  t: TestContext,
  options: { refreshes?: RelayAppOptions["refreshes"]; now?: () => number } = {},
): Promise<Stage> {
  const upstream = await startUpstream({ family: "claude" });
  t.after(() => upstream.close());
  const authorization = await startAuthorizationServer();
  t.after(() => authorization.close());
  const claude = { tokenUrl: `${authorization.url}/token` };
  const relay = await startRelay({
    ...options,
    accounts: [
      testAccount("claude-1", "claude-oauth", upstream.url, { secret: authorization.issue("claude-1") }),
    ],
    configure: (config) => ({
      ...config,
      oauth: { ...config.oauth, claude },
      // 50 requests at once, on a machine that may have other work.
      upstream: { ...config.upstream, firstByteTimeoutMs: 60_000 },
    }),
  });
  t.after(() => relay.close());
  return {
    upstream,
    authorization,
    relay,
    async ask() {
      const answer = await send(relay.url, cases.claudeLogin.request());
      assert.deepEqual([answer.status, answer.end], [200, "clean"], answer.text);
    },
  };
}

/** As if the login had been refreshed eight hours ago, less five seconds. */
async function nearlyExpire({ relay }: Stage): Promise<void> {
  const { id, secret } = relay.config.accounts[0]!;
  const row = {
    accountId: id,
    configuredHash: hashToken(secret),
    refreshToken: secret,
    accessToken: "old",
    expiresAt: Date.now() + 5000,
    extras: undefined,
    generation: 1,
    updatedAt: Date.now() + 5000 - 8 * 3_600_000,
    exchangeHash: undefined,
    exchangeAt: undefined,
  };
  assert.ok(await relay.store.tokens.replace(row, undefined));
}

for (const refreshes of [undefined, "detached"] as const) {
  test(`50 parallel requests at the end of a token refresh it once, ${refreshes ?? "in this process"}`, async (t) => {
    const stage = await setStage(t, { refreshes });
    const { upstream, authorization } = stage;
    await nearlyExpire(stage);
    authorization.faults.push({ kind: "delay", ms: 100 });
    await Promise.all(Array.from({ length: 50 }, () => stage.ask()));
    assert.equal(authorization.requests.length, 1);
    const used = new Set(upstream.requests.map(({ credential }) => credential));
    assert.equal(used.size, 1, "nobody went with the old one");
    assert.ok(authorization.accepts([...used][0]!));
    assert.equal(authorization.killed, 0);
  });
}

test("a relay and three other processes on one database refresh a login once between them", async (t) => {
  const stage = await setStage(t, { refreshes: "detached" });
  const { authorization, relay } = stage;
  await nearlyExpire(stage);
  const script = fileURLToPath(new URL("../support/login-process.ts", import.meta.url));
  const { secret } = relay.config.accounts[0]!;
  const args = [script, relay.config.server.databasePath, `${authorization.url}/token`, secret];
  const others = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
      t.after(() => child.kill("SIGKILL"));
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      assert.equal((await lines.next()).value, '"ready"');
      return { child, lines };
    }),
  );
  authorization.faults.push({ kind: "delay", ms: 100 });
  const answers = await Promise.all([
    ...others.map(async ({ child, lines }) => {
      child.stdin.write("credential\n");
      return JSON.parse((await lines.next()).value as string) as LoginToken;
    }),
    ...Array.from({ length: 20 }, () => stage.ask()),
  ]);
  assert.equal(authorization.requests.length, 1);
  const tokens = answers.flatMap((answer) =>
    answer ? [answer.ok ? answer.token : describeLoginFailure(answer)] : [],
  );
  assert.equal(tokens.length, 3);
  assert.equal(new Set(tokens).size, 1, tokens.join());
  assert.ok(authorization.accepts(tokens[0]!));
  assert.equal(authorization.killed, 0);
  for (const { child } of others) {
    child.stdin.end();
    await once(child, "exit");
  }
});

test("a clock that is set forwards or backwards costs one refresh at most, before a restart and after it", async (t) => {
  let shift = 0;
  const stage = await setStage(t, { now: () => Date.now() + shift });
  const { authorization, relay } = stage;
  await stage.ask();
  const day = 86_400_000;
  for (const jump of [400 * day, -800 * day, 3_600_000, -60_000, 20 * 365 * day, -20 * 365 * day]) {
    for (const restarts of [false, true]) {
      const before = authorization.requests.length;
      shift += jump;
      if (restarts) await relay.restart();
      await Promise.all(Array.from({ length: 5 }, () => stage.ask()));
      assert.ok(authorization.requests.length - before <= 1, `${jump} ms, restarts: ${restarts}`);
    }
  }
  assert.equal(authorization.killed, 0);
  const row = await relay.store.tokens.load("claude-1");
  assert.ok(authorization.isLive(row?.refreshToken ?? ""));
});

test("a token that a person puts into the file wins once; from then on its own successors do", async (t) => {
  const stage = await setStage(t);
  const { authorization, relay } = stage;
  authorization.expiresIn = 0.001;
  await stage.ask();
  await stage.ask();
  const fresh = authorization.issue("claude-1");
  await relay.reconfigure((config) => ({
    ...config,
    accounts: config.accounts.map((account) => ({ ...account, secret: fresh })),
  }));
  await stage.ask();
  await stage.ask();
  await relay.restart();
  await stage.ask();
  await relay.restart();
  await stage.ask();
  const sent = authorization.requests.map(({ parameters }) => parameters.refresh_token);
  assert.equal(sent.filter((token) => token === fresh).length, 1);
  assert.equal(new Set(sent).size, sent.length, "no token was sent twice");
  assert.equal(authorization.killed, 0);
});
