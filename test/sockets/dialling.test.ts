// How the provider's side of a WebSocket is opened: through the account's proxy, with a client's own login, and within the time that
// Codex waits.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Config } from "../../src/config/config.ts";
import type { ProxySettings } from "../../src/network/proxy.ts";
import { codexPath } from "../support/openai-script.ts";
import { ownAccount, ownLogins } from "../support/own-logins.ts";
import { startConnectProxy, startSocksProxy } from "../support/proxies.ts";
import { soon, turns } from "../support/until.ts";
import { create, rowsOf, type SocketStage, startSocketStage, typesOf, usageLimit } from "./stage.ts";

const done = "response.completed";
const login = { username: "user", password: "pass word" };

const proxies = {
  http: startConnectProxy,
  socks5: startSocksProxy,
} as const;

for (const type of Object.keys(proxies) as (keyof typeof proxies)[]) {
  test(`an account's ${type} proxy is used, with its password and the name that only it knows`, async (t) => {
    const proxy = await proxies[type]({ ...login, resolve: () => "127.0.0.1" });
    t.after(() => proxy.close());
    const settings: ProxySettings = { type, host: "127.0.0.1", port: proxy.port, ...login };
    const { connect, script, upstream } = await startSocketStage(t, {
      ids: ["a"],
      account: (_, { port }) => ({ proxy: settings, apiUrl: `http://provider.test:${port}/v1` }),
    });
    const client = await connect();
    assert.equal(typesOf(await client.ask()).at(-1), done);
    assert.deepEqual(proxy.targets, [`provider.test:${upstream.port}`]);
    assert.deepEqual(proxy.credentials, ["user:pass word"]);
    assert.equal(script.open, 1);
    assert.equal(proxy.openConnections, 1);
  });

  test(`a client's own ChatGPT login is dialled through its account's ${type} proxy`, async (t) => {
    const proxy = await proxies[type]({ ...login, resolve: () => "127.0.0.1" });
    t.after(() => proxy.close());
    const settings: ProxySettings = { type, host: "127.0.0.1", port: proxy.port, ...login };
    const { connect, script, upstream } = await startSocketStage(t, {
      ids: [],
      configure: (config, { port }) => ({
        ...atBackend(config, `http://chatgpt.test:${port}`),
        accounts: [ownAccount("openai", { proxy: settings })],
      }),
    });
    const client = await connect(chatgpt);
    assert.equal(typesOf(await client.ask()).at(-1), done);
    assert.deepEqual(proxy.targets, [`chatgpt.test:${upstream.port}`]);
    assert.equal(script.upgrades[0]?.headers.authorization, authorization);
  });

  test(`an account whose ${type} proxy fails is never dialled without it: the next one is`, async (t) => {
    const proxy = await proxies[type]();
    t.after(() => proxy.close());
    const settings: ProxySettings = { type, host: "127.0.0.1", port: proxy.port };
    const { connect, script } = await startSocketStage(t, {
      account: (id) => (id === "a" ? { proxy: settings } : {}),
    });
    for (const kind of ["hang-up", "refuse"] as const) {
      proxy.behaviour = kind === "refuse" ? { kind, code: type === "http" ? 403 : 2 } : { kind };
      const client = await connect();
      assert.equal((await client.headers)["x-cc-relay-account"], "b");
      assert.equal(typesOf(await client.ask()).at(-1), done);
    }
    assert.ok(script.upgrades.every(({ credential }) => credential === "key-of-b"));
  });
}

const limits = {
  plan_type: "plus",
  rate_limits: {
    primary: { used_percent: 40, window_minutes: 300, reset_at: 2_000_000_000 },
    secondary: null,
  },
};

const [authorization, accountId] = [ownLogins.chatgpt[1], ownLogins.chatgpt[3]];
const chatgpt = { headers: { authorization, "chatgpt-account-id": accountId } };

function atBackend(config: Config, url: string): Config {
  const providerUrls = { ...config.upstream.providerUrls, chatgpt: `${url}${codexPath}` };
  return { ...config, upstream: { ...config.upstream, providerUrls } };
}

/** The client's own login, and an account beside it. */
function startWithOwnLogin(t: TestContext): Promise<SocketStage> {
  return startSocketStage(t, {
    ids: ["a"],
    configure: (config, { url }) => ({
      ...atBackend(config, url),
      accounts: [ownAccount("openai"), ...config.accounts],
    }),
  });
}

test("a client's own ChatGPT login is dialled at its own backend, and sees its own limits", async (t) => {
  const stage = await startWithOwnLogin(t);
  const { script, connect } = stage;
  script.limits = limits;
  const client = await connect(chatgpt);
  assert.equal((await client.headers)["x-cc-relay-account"], "own");
  const [upgrade] = script.upgrades;
  assert.equal(upgrade?.path, `${codexPath}/responses`);
  assert.equal(upgrade?.headers.authorization, authorization);
  assert.equal(upgrade?.headers["chatgpt-account-id"], accountId);
  const frames = await client.ask();
  assert.equal(typesOf(frames)[0], "codex.rate_limits");
  assert.equal(typesOf(frames).at(-1), done);
  assert.deepEqual(
    (await rowsOf(stage)).map(({ account, outcome }) => [account, outcome]),
    [["own", "complete"]],
  );
});

test("when a client's own login is at its limit a request goes to an account, which never gets the login", async (t) => {
  const stage = await startWithOwnLogin(t);
  const { script, connect } = stage;
  const client = await connect(chatgpt);
  const token = authorization.replace("Bearer ", "");
  script.fault(token, usageLimit());
  assert.equal(typesOf(await client.ask()).at(-1), done);
  const [own, pooled] = script.upgrades;
  assert.deepEqual([own?.credential, pooled?.credential], [token, "key-of-a"]);
  assert.doesNotMatch(JSON.stringify(pooled?.headers), /acct-made-up|eyJ/);
});

const refusals = {
  "a refused token": { error: { code: "token_expired", message: "Your authentication token has expired." } },
  "a login that is out": { error: { code: "account_deactivated", message: "This account is deactivated." } },
  "no explanation": {},
};

for (const [what, body] of Object.entries(refusals)) {
  test(`a client's own login whose upgrade gets a 401 with ${what} goes to HTTP for it, without a cooldown`, async (t) => {
    const stage = await startSocketStage(t, {
      ids: ["a"],
      account: () => ({ priority: 100 }),
      configure: (config, { url }) => ({
        ...atBackend(config, url),
        accounts: [ownAccount("openai"), ...config.accounts],
      }),
    });
    const { script, connect, refused } = stage;
    const token = authorization.replace("Bearer ", "");
    script.refuse(token, { status: 401, body });
    const refusal = await refused(chatgpt);
    assert.equal(refusal.status, 426);
    assert.match(refusal.body, /own login on account own/);
    assert.deepEqual(
      script.upgrades.map(({ credential }) => credential),
      [token],
    );
    const client = await connect(chatgpt);
    assert.equal((await client.headers)["x-cc-relay-account"], "own");
  });
}

test("a client's own login that gets a 401 when its account is dialled again is closed with 1012, for its next upgrade", async (t) => {
  let now = Date.now();
  const stage = await startSocketStage(t, {
    ids: ["a"],
    account: () => ({ priority: 100 }),
    now: () => now,
    configure: (config, { url }) => ({
      ...atBackend(config, url),
      accounts: [ownAccount("openai"), ...config.accounts],
    }),
  });
  const { script, connect } = stage;
  const token = authorization.replace("Bearer ", "");
  const client = await connect(chatgpt);
  assert.equal(typesOf(await client.ask()).at(-1), done);
  now += 1000;
  script.fault(token, usageLimit(600));
  assert.equal(typesOf(await client.ask()).at(-1), done);
  now += 601_000;
  script.refuse(token, { status: 401, body: refusals["a refused token"] });
  assert.deepEqual(await client.ask(), []);
  assert.equal(await client.closed, 1012);
  assert.deepEqual(
    (await rowsOf(stage)).map(({ account, outcome }) => [account, outcome]),
    [
      ["own", "complete"],
      ["a", "complete"],
      ["(none)", "moved"],
    ],
  );
  const again = await connect(chatgpt);
  assert.equal((await again.headers)["x-cc-relay-account"], "own");
});

test("an account whose upgrade gets a 401 is dialled no more, and the next one is", async (t) => {
  const { script, connect } = await startSocketStage(t);
  script.refuse("key-of-a", { status: 401, body: { error: { code: "invalid_api_key", message: "no" } } });
  const client = await connect();
  assert.equal((await client.headers)["x-cc-relay-account"], "b");
  assert.equal(typesOf(await client.ask()).at(-1), done);
  await connect();
  assert.deepEqual(
    script.upgrades.map(({ credential }) => credential),
    ["key-of-a", "key-of-b", "key-of-b"],
  );
});

test("without any account a login goes through to its own backend", async (t) => {
  const stage = await startSocketStage(t, {
    ids: [],
    configure: (config, { url }) => atBackend(config, url),
  });
  stage.script.limits = limits;
  const client = await stage.connect(chatgpt);
  const frames = await client.ask();
  assert.deepEqual([typesOf(frames)[0], typesOf(frames).at(-1)], ["codex.rate_limits", done]);
  assert.equal(stage.script.upgrades[0]?.headers["chatgpt-account-id"], accountId);
  assert.equal((await rowsOf(stage))[0]?.account, "passthrough");
});

test("all accounts together are dialled for 12 s at most, then the client is sent to HTTP", async (t) => {
  const { script, refused } = await startSocketStage(t, { ids: ["a", "b", "c"] });
  const answer = Promise.withResolvers<void>();
  script.upgradeWaits = () => answer.promise;
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const answers: { status: number; body: string }[] = [];
  void refused().then((refusal) => answers.push(refusal));
  let passedMs = 0;
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms);
    passedMs += ms;
    await turns();
  };
  await soon(() => script.dialled === 1);
  while (passedMs < 11_900) await pass(100);
  assert.equal(answers.length, 0);
  assert.ok(script.dialled >= 2, `${script.dialled} accounts were dialled`);
  await pass(200);
  await soon(() => answers.length > 0);
  t.mock.timers.reset();
  answer.resolve();
  assert.equal(answers[0]?.status, 426);
  assert.match(answers[0]!.body, /No account's provider opened one in time/);
});

test("an address without a WebSocket is asked again after a day", async (t) => {
  let now = Date.now();
  const { script, refused, connect } = await startSocketStage(t, { now: () => now });
  const hour = 3_600_000;
  for (const status of [404, 405, 426]) {
    script.refuseAll({ status });
    const before = script.upgrades.length;
    assert.equal((await refused()).status, 426);
    assert.equal(script.upgrades.length, before + 1);
    now += 23 * hour;
    assert.equal((await refused()).status, 426);
    assert.equal(script.upgrades.length, before + 1);
    now += 2 * hour;
  }
  script.refuseAll(undefined);
  assert.equal(typesOf(await (await connect()).ask(create())).at(-1), done);
});
