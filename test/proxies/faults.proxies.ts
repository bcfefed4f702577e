import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { send } from "../support/client.ts";
import { until } from "../support/until.ts";
import { type Credentials, type ProxyProgram, type RealProxy, startRealProxy } from "./real-proxy.ts";
import { type Site, startSite } from "./site.ts";

const secret: Credentials = { username: "us3r", password: "p4ss-w0rd" };
const programs: [ProxyProgram, Credentials | undefined][] = [
  ["microsocks", secret],
  ["dante", undefined],
  ["tinyproxy", secret],
  ["squid", secret],
];

interface Fault {
  name: string;
  /** What the program does by itself does not fit every program. */
  only?: (credentials: Credentials | undefined) => boolean;
  /** Of the accounts behind the proxy: other than its own, and where the provider is. */
  credentials?: Credentials;
  providerPort?: number;
  begin?(proxy: RealProxy): Promise<void> | void;
  end?(proxy: RealProxy): Promise<void> | void;
  reason: RegExp;
}

const faults: Fault[] = [
  {
    name: "a wrong password",
    only: (credentials) => credentials !== undefined,
    credentials: { username: "us3r", password: "wrong-p4ss" },
    reason: /^.+ refused the user name or password( \(40[17]\))?$/,
  },
  {
    name: "a target that it cannot reach",
    // The discard service, which nobody runs.
    providerPort: 9,
    reason: /^.+ could not reach provider\.test:9 \(\w+\)$/,
  },
  {
    name: "a proxy that hangs",
    begin: (proxy) => proxy.freeze(),
    end: (proxy) => proxy.thaw(),
    reason: /^.+ did not open a tunnel within 2 s$/,
  },
  {
    name: "a proxy that is down",
    begin: (proxy) => proxy.stop(),
    end: (proxy) => proxy.restart(),
    reason: /^.+ refused the connection$/,
  },
];

interface ListedAccount {
  id: string;
  state: string;
  reason: string | null;
  until: string | null;
}

async function listAccounts(site: Site): Promise<ListedAccount[]> {
  const { stdout } = await site.command(["accounts", "list", "--json"]);
  return (JSON.parse(stdout) as { accounts: ListedAccount[] }).accounts;
}

function ask(url: string, account?: string) {
  const headers = ["anthropic-version", "2023-06-01", ...(account ? ["x-cc-relay-account", account] : [])];
  const body = {
    model: "claude-sonnet-5",
    max_tokens: 9,
    messages: [{ role: "user", content: account ?? "-" }],
  };
  return send(url, { path: "/v1/messages", headers, body });
}

for (const [program, credentials] of programs) {
  for (const fault of faults) {
    if (fault.only?.(credentials) === false) continue;
    test(`${program}, ${fault.name}: named, the account is in cooldown for a moment, its login lives and the next one answers`, async (t) => {
      const site = await startSite(t);
      const proxy = await startRealProxy(t, program, credentials);
      const { logins } = site;
      const account = (id: string, lines: readonly string[]) =>
        `[[accounts]]\nid = "${id}"\n${lines.join("\n")}\n`;
      const port = fault.providerPort;
      const url = port === undefined ? site.providerUrl : `https://provider.test:${port}`;
      const behind = [`api_url = "${url}"`, proxy.toml(fault.credentials)];
      await site.configure(
        [
          account("login", [
            'type = "claude-oauth"',
            `refresh_token = "${logins.issue()}"`,
            "priority = 300",
            ...behind,
          ]),
          account("key", ['type = "claude-api"', 'api_key = "key-1"', "priority = 200", ...behind]),
          account("next", ['type = "claude-api"', 'api_key = "key-2"', `api_url = "${site.loopbackUrl}"`]),
        ].join(""),
      );
      const relay = await site.start();
      await fault.begin?.(proxy);
      const begunAt = Date.now();
      const answer = await ask(relay.url);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.header("x-cc-relay-account"), "next");
      assert.ok(Date.now() - begunAt < 15_000);

      const listed = new Map((await listAccounts(site)).map((each) => [each.id, each]));
      assert.equal(listed.get("next")?.state, "ready");
      for (const id of ["login", "key"]) {
        const { state, reason, until: end } = listed.get(id)!;
        assert.equal(state, "cooldown", id);
        assert.ok(reason?.includes(proxy.title), reason ?? "");
        assert.ok(!reason?.includes(secret.username) && !reason?.includes("p4ss"), reason ?? "");
        const cooldownMs = Date.parse(end ?? "") - begunAt;
        assert.ok(cooldownMs > 0 && cooldownMs <= 60_000, `${id} is in cooldown for ${cooldownMs} ms`);
      }
      assert.match(listed.get("key")?.reason ?? "", fault.reason);
      // The addresses of the next account's connections are this machine's own.
      assert.deepEqual(new Set(site.providerFrom), new Set(["127.0.0.1"]));
      assert.ok(!relay.log().includes("p4ss"));

      await fault.end?.(proxy);
      if (fault.providerPort !== undefined || fault.credentials !== undefined) {
        // A person fixes the file.
        const good = [`api_url = "${site.providerUrl}"`, proxy.toml()];
        const token = /refresh_token = "([^"]+)"/.exec(await site.configuration())![1];
        await site.configure(
          account("login", ['type = "claude-oauth"', `refresh_token = "${token}"`, ...good]),
        );
      }
      await until(
        "the same login works",
        async () => {
          const again = await ask(relay.url, "login");
          if (again.status !== 200) await sleep(200);
          return again.status === 200 && again.header("x-cc-relay-account") === "login";
        },
        20_000,
      );
      assert.equal(logins.killed, 0);
      assert.deepEqual(new Set(site.loginsFrom), new Set([proxy.egress]));
    });
  }
}
