import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { send } from "../support/client.ts";
import { until } from "../support/until.ts";
import { type Credentials, type ProxyProgram, startRealProxy } from "./real-proxy.ts";
import { startSite } from "./site.ts";

const secret: Credentials = { username: "us3r", password: "p4ss-w0rd" };
const variants: [ProxyProgram, Credentials | undefined][] = [
  ["microsocks", undefined],
  ["microsocks", secret],
  ["dante", undefined],
  ["tinyproxy", undefined],
  ["tinyproxy", secret],
  ["squid", undefined],
  ["squid", secret],
];

const waitTimeoutMs = 15_000;
const message = { model: "claude-sonnet-5", max_tokens: 9, messages: [{ role: "user", content: "Hi" }] };
const anthropic = ["anthropic-version", "2023-06-01"];

for (const [program, credentials] of variants) {
  const name = `${program} ${credentials ? "with a password" : "without a password"}`;
  test(`${name} carries traffic, lists, refreshes, projects, logins and doctor, and nothing goes past it`, async (t) => {
    const trap = createServer((socket) => socket.destroy());
    let trapped = 0;
    trap.on("connection", () => (trapped += 1));
    await new Promise<void>((resolve) => trap.listen(0, "127.0.0.1", resolve));
    t.after(() => void trap.close());
    const other = `http://127.0.0.1:${(trap.address() as { port: number }).port}`;
    const variables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
    const site = await startSite(t, Object.fromEntries(variables.map((each) => [each, other])));
    const proxy = await startRealProxy(t, program, credentials);
    const { provider, logins } = site;
    logins.expiresIn = 1;
    const account = (id: string, type: string) =>
      `[[accounts]]\nid = "${id}"\ntype = "${type}"\nrefresh_token = "${logins.issue()}"\napi_url = "${site.providerUrl}"\n${proxy.toml()}`;
    await site.configure(account("claude-1", "claude-oauth") + account("google-1", "gemini"));
    const relay = await site.start();

    const ask = async (path: string, body?: object) => {
      const answer = await send(relay.url, { path, headers: anthropic, body });
      assert.equal(answer.status, 200, `${path}: ${answer.text}`);
      assert.equal(answer.end, "clean");
      return answer;
    };
    await ask("/v1/messages", message);
    assert.match((await ask("/v1/messages", { ...message, stream: true })).text, /message_stop/);
    await ask("/v1/models");
    await ask("/v1beta/models/gemini-2.5-pro:generateContent", {
      contents: [{ role: "user", parts: [{ text: "Hi" }] }],
    });
    const refreshes = logins.requests.length;
    await sleep(1100);
    await ask("/v1/messages", message);
    assert.ok(logins.requests.length > refreshes, "the login was refreshed");

    const doctor = await site.command(["doctor", "--json"]);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; detail: string }[] };
    for (const id of ["claude-1", "google-1"]) {
      const { detail } = checks.find((check) => check.name === `account ${id}`)!;
      assert.match(detail, /^proxy, TLS and login are fine: provider\.test:\d+ through the /);
    }
    // The second one is there already: its credential is replaced, and its project searched for where it is configured.
    for (const [provider, id] of [
      ["claude", "claude-2"],
      ["gemini", "google-1"],
    ] as const) {
      const exchanges = () => logins.requests.filter(({ grantType }) => grantType === "authorization_code");
      const before = exchanges().length;
      const login = await site.command(
        ["login", provider, "--id", id, "--proxy", proxy.url, "--yes", "--no-browser"],
        async (run) => {
          const address = await until(
            "the address is shown",
            () => /http:\/\/\S+\/authorize\S+/.exec(run.stderr())?.[0],
            waitTimeoutMs,
          );
          run.write(await (await fetch(address)).text());
          await until("the code is taken", () => exchanges().length > before, waitTimeoutMs);
        },
      );
      assert.equal(login.code, 0, login.stderr);
      assert.ok(!`${login.stdout}${login.stderr}`.includes(secret.password));
    }
    await relay.stop();

    const searches = provider.requests.filter(({ path }) => path === "/v1internal:loadCodeAssist");
    assert.equal(searches.length, 3, "at first use, by doctor, and at the login");
    const paths = new Set(provider.requests.map(({ path }) => path.split("?")[0]));
    for (const path of [
      "/v1/messages",
      "/v1/models",
      "/v1internal:loadCodeAssist",
      "/v1internal:generateContent",
    ])
      assert.ok(paths.has(path), `${path} is missing from ${[...paths].join(", ")}`);
    const everyone = [...site.providerFrom, ...site.loginsFrom];
    assert.deepEqual([...new Set(everyone)], [proxy.egress]);
    assert.ok(site.loginsFrom.length >= 3, "refreshes and the login");
    // Squid writes a tunnel down when it has ended.
    await until("the proxy's log tells of as many tunnels", async () => {
      return (await proxy.tunnels()) === everyone.length;
    }).catch(async () => assert.equal(await proxy.tunnels(), everyone.length));
    assert.equal(trapped, 0, "the environment's proxy was used");
    assert.equal(logins.killed, 0);
  });
}
