// The client's own login goes through the proxy of its account: the providers have names here that only the proxy knows.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { Config } from "../../src/config/config.ts";
import type { ProxySettings } from "../../src/network/proxy.ts";
import { type ClientRequest, send } from "../support/client.ts";
import { type Hosts, ownAccount, ownKeys, ownLogins, secretsIn, startHosts } from "../support/own-logins.ts";
import { startConnectProxy, startSocksProxy, type TestProxy } from "../support/proxies.ts";
import { startRelay, type TestRelay } from "../support/relay.ts";

const login = { username: "user", password: "pass word" };
const messages = [{ role: "user", content: "hi" }];
const claude = { path: "/v1/messages", body: { model: "claude-opus-5-5", max_tokens: 9, messages } };
const contents = [{ role: "user", parts: [{ text: "hi" }] }];

/** What is sent, with which credential of the client's own, to which provider. */
const requests: [ClientRequest, readonly string[], keyof Hosts["providers"]][] = [
  [claude, ownLogins.claude, "claude"],
  [claude, ownKeys.claude, "claude"],
  [{ path: "/v1/models" }, ownLogins.claude, "claude"],
  [
    { path: "/openai/v1/responses", body: { model: "gpt-5.6-codex", stream: true, input: "hi" } },
    ownLogins.chatgpt,
    "chatgpt",
  ],
  [{ path: "/openai/v1/models?client_version=0.169.0" }, ownLogins.chatgpt, "chatgpt"],
  [{ path: "/openai/v1/responses", body: { model: "gpt-5.6", input: "hi" } }, ownKeys.openai, "openai"],
  [
    {
      path: "/v1internal:generateContent",
      body: { model: "gemini-2.5-pro", project: "mine", request: { contents } },
    },
    ownLogins.google,
    "codeAssist",
  ],
  [{ path: "/v1beta/models/gemini-2.5-pro:generateContent", body: { contents } }, ownKeys.gemini, "gemini"],
];

describe("the client's own login", () => {
  let hosts: Hosts;
  let proxy: TestProxy | undefined;
  let relay: TestRelay | undefined;

  before(async () => {
    hosts = await startHosts();
  });
  afterEach(async () => {
    await relay?.close();
    await proxy?.close();
    for (const host of hosts.all.values()) host.reset();
  });
  after(() => hosts.close());

  const nameOf = (provider: string) => `${provider.toLowerCase()}.test`;

  function atNames(config: Config): Config {
    const { upstream } = hosts.configure(config);
    const named = Object.entries(upstream.providerUrls).map(([provider, url]) => [
      provider,
      url.replace("127.0.0.1", nameOf(provider)),
    ]);
    return { ...config, upstream: { ...upstream, providerUrls: Object.fromEntries(named) } };
  }

  async function start(settings: ProxySettings): Promise<TestRelay> {
    const families = ["claude", "openai", "gemini"] as const;
    relay = await startRelay({
      accounts: families.map((family) => ownAccount(family, { id: `own-${family}`, proxy: settings })),
      configure: atNames,
    });
    return relay;
  }

  for (const type of ["http", "socks5"] as const) {
    test(`goes through its account's ${type} proxy alone, for every provider`, async () => {
      const startProxy = type === "http" ? startConnectProxy : startSocksProxy;
      const running = await startProxy({ ...login, resolve: () => "127.0.0.1" });
      proxy = running;
      const { url } = await start({ type, host: "127.0.0.1", port: running.port, ...login });
      for (const [request, own, provider] of requests) {
        const answer = await send(url, { ...request, headers: [...own] });
        const what = `${request.path} to ${provider}`;
        assert.equal(answer.status, 200, `${what}: ${answer.text}`);
        const host = hosts.providers[provider];
        assert.ok(running.targets.includes(`${nameOf(provider)}:${host.port}`), what);
        const { rawHeaders } = host.requests.at(-1)!;
        for (const secret of secretsIn(own)) assert.ok(rawHeaders.join("\n").includes(secret), what);
        assert.doesNotMatch(rawHeaders.join("\n"), /pass word|proxy-authorization/i);
      }
      assert.deepEqual(new Set(running.credentials), new Set(["user:pass word"]));
    });

    test(`never goes without its account's ${type} proxy when that refuses`, async () => {
      const running = await (type === "http" ? startConnectProxy : startSocksProxy)();
      proxy = running;
      running.behaviour = { kind: "refuse", code: type === "http" ? 403 : 2 };
      const { url } = await start({ type, host: "127.0.0.1", port: running.port });
      // Straight at the provider they would be answered.
      await relay!.reconfigure((config) => hosts.configure(config));
      for (const [request, own] of requests) {
        const answer = await send(url, { ...request, headers: [...own] });
        assert.notEqual(answer.header("x-cc-relay-error"), undefined, `${request.path}: ${answer.status}`);
      }
      for (const host of hosts.all.values()) assert.deepEqual(host.requests, []);
    });
  }
});
