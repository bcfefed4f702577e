// Every credential that a relay can come to hold, a host of its own for each, and one more host that may get none: what reaches which host
// is looked through for every one of them.

import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import type { AccountConfig, Config } from "../../src/config/config.ts";
import { type AuthorizationServer, startAuthorizationServer } from "./authorization-server.ts";
import { type Behaviour, objectField } from "./behaviour.ts";
import { codexPath } from "./openai-script.ts";
import { ownAccount, ownKeys, ownLogins, secretsIn } from "./own-logins.ts";
import { startConnectProxy, type TestProxy } from "./proxies.ts";
import { startRelay, type TestRelay, testAccount } from "./relay.ts";
import { type CreateFault, createSocketScript, type SocketScript } from "./socket-script.ts";
import { type ScriptedUpstream, startUpstream } from "./upstream.ts";

export const relayKey = "relay-key-that-goes-nowhere";
const proxyPassword = "password-of-the-proxy";

/** The providers' own hosts, and one host for each account that has a credential. */
const providers = ["claude", "gemini", "openai", "chatgpt", "codeAssist"] as const;
const pooled = [
  "claude-key",
  "claude-proxied",
  "claude-setup",
  "claude-login",
  "claude-glm",
  "gemini-key",
  "gemini-login",
  "openai-key",
  "openai-glm",
] as const;
export type HostName = (typeof providers)[number] | (typeof pooled)[number];

/**
 * Where a client's own credential may go: to the provider that made it. Google refuses by itself what
 * does not open one of its two APIs, and a token of OpenAI's without the header of an account is for the public one.
 */
const ownHosts: readonly [secrets: readonly string[], hosts: readonly HostName[]][] = [
  [secretsIn(ownLogins.claude), ["claude"]],
  [secretsIn(ownLogins.chatgpt), ["chatgpt", "openai"]],
  [secretsIn(ownLogins.google), ["codeAssist", "gemini"]],
  [secretsIn(ownKeys.claude), ["claude"]],
  [secretsIn(ownKeys.openai), ["openai"]],
  [secretsIn(ownKeys.gemini), ["gemini", "codeAssist"]],
];

export interface EscapeWorld {
  readonly relay: TestRelay;
  /** Without accounts and keys: everything is passed through. */
  readonly passthrough: TestRelay;
  /** `127.0.0.1:PORT` of the host that may get nothing. */
  readonly elsewhere: string;
  /** What every host does with the next requests. */
  behave(behaviour: (host: HostName) => Behaviour): void;
  /** Takes the relays' clocks on. */
  pass(ms: number): void;
  /** Throws when a credential is where it does not belong, and counts those that are where they do. */
  check(what: string, answer: string): void;
  /** How often each credential reached a host of its own. */
  readonly seen: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

export async function startEscapeWorld(): Promise<EscapeWorld> {
  const elsewhere = await startElsewhere();
  const authorization = await startAuthorizationServer();
  const proxy = await startConnectProxy({ username: "relay", password: proxyPassword });
  const sockets = new Map<HostName, SocketScript>();
  const hosts = new Map<HostName, ScriptedUpstream>();
  for (const name of [...providers, ...pooled]) {
    const isOpenai = name === "chatgpt" || name.startsWith("openai");
    const script = isOpenai ? createSocketScript() : undefined;
    if (script) sockets.set(name, script);
    const family = isOpenai ? "openai" : /^(?:gemini|code)/.test(name) ? "gemini" : "claude";
    hosts.set(name, await startUpstream({ family, ...(script && { sockets: script }) }));
  }
  const urlOf = (name: HostName) => hosts.get(name)!.url;
  let now = Date.now();
  const clock = () => now;
  const withKey = (config: Config) => ({
    ...configured(config, { urlOf, authorization, elsewhere: elsewhere.host }),
    apiKeys: [{ name: "laptop", key: relayKey }],
  });
  const relay = await startRelay({
    accounts: accountsAt(urlOf, { authorization, proxy, elsewhere: elsewhere.host }),
    configure: withKey,
    now: clock,
  });
  const passthrough = await startRelay({ configure: withKey, now: clock });
  // A key that was the relay's stays its own.
  await passthrough.reconfigure((config) => ({ ...config, apiKeys: [] }));
  const seen = new Map<string, number>();
  for (const secret of [...ownHosts.flatMap(([secrets]) => secrets), ...pooled.map(thatOf)])
    seen.set(secret, 0);
  const upgradesSeen = new Map<HostName, number>();
  const framesSeen = new Map<HostName, number>();

  function check(what: string, answer: string): void {
    for (const [name, host] of hosts) {
      const { upgrades = [], creates = [] } = sockets.get(name) ?? {};
      const texts = [
        ...host.requests.map(({ url, rawHeaders, body }) => [url, ...rawHeaders, body.toString("latin1")]),
        ...upgrades
          .slice(upgradesSeen.get(name) ?? 0)
          .map(({ path, headers }) => [path, ...Object.values(headers)]),
        ...creates.slice(framesSeen.get(name) ?? 0).map(({ frame }) => [frame.toString("latin1")]),
      ];
      upgradesSeen.set(name, upgrades.length);
      framesSeen.set(name, creates.length);
      for (const text of texts) for (const found of secretsAt(text.join("\n"))) note(found, name, what);
    }
    assert.equal(elsewhere.connections, 0, `something reached the other host: ${what}`);
    for (const { secret } of secretsAt(answer))
      assert.ok(isOwnSecret(secret), `${secret} came back to a client: ${what}`);
    for (const { log } of [relay, passthrough]) {
      assert.deepEqual([...secretsAt(JSON.stringify(log.splice(0)))], [], `in the log: ${what}`);
    }
    assert.deepEqual(
      new Set(proxy.credentials.splice(0)),
      proxy.targets.splice(0).length > 0 ? new Set([`relay:${proxyPassword}`]) : new Set(),
    );
  }

  function note({ secret, hosts: allowed }: FoundSecret, host: HostName, what: string): void {
    assert.ok(allowed.includes(host), `${secret} reached ${host}: ${what}`);
    seen.set(secret, (seen.get(secret) ?? 0) + 1);
  }

  return {
    relay,
    passthrough,
    elsewhere: elsewhere.host,
    behave(behaviour) {
      for (const [name, host] of hosts) {
        host.reset();
        host.on(
          () => true,
          () => behaviour(name),
        );
        const { status = 200, headers = {} } = behaviour(name);
        const script = sockets.get(name);
        if (!script) continue;
        script.refuseAll(status < 300 ? undefined : { status, headers: named(headers) });
        // An account that was let in may fail all the same, so that the next one is dialled.
        script.faultOf = () => errorFrame(behaviour(name));
      }
    },
    pass(ms) {
      now += ms;
    },
    check,
    seen,
    async close() {
      await relay.close();
      await passthrough.close();
      for (const host of hosts.values()) await host.close();
      await authorization.close();
      await proxy.close();
      await elsewhere.close();
    },
  };
}

/** Counts everybody who connects. */
async function startElsewhere() {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

interface Place {
  authorization: AuthorizationServer;
  proxy: TestProxy;
  elsewhere: string;
}

/** All names of models that accounts and chains know lead to the other host, if they can lead anywhere. */
function accountsAt(
  urlOf: (name: HostName) => string,
  { authorization, proxy, elsewhere }: Place,
): AccountConfig[] {
  const hostile = [
    { pattern: "mapped-url", model: `http://${elsewhere}/v1` },
    { pattern: "mapped-at", model: `x@${elsewhere}/..` },
    { pattern: "*", model: "glm-5.2" },
  ];
  const lastResort = { onlyWhenOut: true, modelMap: hostile };
  const login = (id: HostName) => ({ secret: authorization.issue(id), extras: { project: "p" } });
  const own = { priority: 200, apiUrl: `http://${elsewhere}` };
  return [
    ownAccount("claude", { ...own, id: "own-claude" }),
    ownAccount("gemini", { ...own, id: "own-gemini" }),
    ownAccount("openai", { ...own, id: "own-openai" }),
    testAccount("claude-key", "claude-api", urlOf("claude-key")),
    testAccount("claude-proxied", "claude-api", urlOf("claude-proxied"), {
      proxy: {
        type: "http",
        host: "127.0.0.1",
        port: proxy.port,
        username: "relay",
        password: proxyPassword,
      },
    }),
    testAccount("claude-setup", "claude-oauth", urlOf("claude-setup"), {
      credential: "setup-token",
      secretExpiresAt: Number.MAX_SAFE_INTEGER,
    }),
    testAccount("claude-login", "claude-oauth", urlOf("claude-login"), login("claude-login")),
    testAccount("claude-glm", "claude-api", urlOf("claude-glm"), { ...lastResort, auth: "bearer" }),
    testAccount("gemini-key", "gemini-api", urlOf("gemini-key")),
    testAccount("gemini-login", "gemini", urlOf("gemini-login"), login("gemini-login")),
    testAccount("openai-key", "openai-responses", urlOf("openai-key")),
    testAccount("openai-glm", "openai-responses", urlOf("openai-glm"), lastResort),
  ];
}

function configured(
  config: Config,
  { urlOf, authorization, elsewhere }: Omit<Place, "proxy"> & { urlOf: (name: HostName) => string },
): Config {
  const tokenUrl = `${authorization.url}/token`;
  return {
    ...config,
    server: { ...config.server, allowedHosts: [elsewhere, "127.0.0.1", "elsewhere.example"] },
    models: [
      { pattern: "chain-*", targets: [`http://${elsewhere}/v1`, `//${elsewhere}`, "claude-opus-5-5"] },
    ],
    oauth: { claude: { tokenUrl }, gemini: { tokenUrl } },
    upstream: {
      ...config.upstream,
      providerUrls: {
        claude: urlOf("claude"),
        gemini: urlOf("gemini"),
        openai: `${urlOf("openai")}/v1`,
        chatgpt: `${urlOf("chatgpt")}${codexPath}`,
        codeAssist: urlOf("codeAssist"),
      },
    },
  };
}

interface FoundSecret {
  secret: string;
  /** Where it may be. */
  hosts: readonly HostName[];
}

/** In the text as it is, and as a server would read it. */
function* secretsAt(text: string): Generator<FoundSecret> {
  const whole = `${text}\n${decoded(text)}`;
  for (const [secrets, hosts] of ownHosts)
    for (const secret of secrets) if (whole.includes(secret)) yield { secret, hosts };
  for (const name of pooled) {
    if (whole.includes(`key-of-${name}`) || whole.includes(`access-${name}-`))
      yield { secret: thatOf(name), hosts: [name] };
  }
  for (const secret of [relayKey, proxyPassword]) if (whole.includes(secret)) yield { secret, hosts: [] };
}

/** Tokens change. */
function thatOf(account: HostName): string {
  return `the one of ${account}`;
}

function isOwnSecret(secret: string): boolean {
  return ownHosts.some(([secrets]) => secrets.includes(secret));
}

function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (part) =>
    Buffer.from(part.replaceAll("%", ""), "hex").toString("latin1"),
  );
}

function errorFrame({ status, body }: Behaviour): CreateFault | undefined {
  const error = objectField(body, "error");
  return error && { kind: "error", status: status ?? 500, error };
}

function named(headers: Behaviour["headers"] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
