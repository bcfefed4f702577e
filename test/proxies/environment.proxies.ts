import assert from "node:assert/strict";
import { test } from "node:test";
import { send } from "../support/client.ts";
import { startRealProxy } from "./real-proxy.ts";
import { startSite } from "./site.ts";

const ask = (url: string, account: string) =>
  send(url, {
    path: "/v1/messages",
    headers: ["anthropic-version", "2023-06-01", "x-cc-relay-account", account],
    body: { model: "claude-sonnet-5", max_tokens: 9, messages: [{ role: "user", content: account }] },
  });

test("the environment's proxy serves accounts without one of their own, never those with one, and never loopback", async (t) => {
  const environment = await startRealProxy(t, "tinyproxy", { username: "env", password: "of-the-env" });
  const own = await startRealProxy(t, "microsocks");
  const site = await startSite(t, {
    HTTPS_PROXY: environment.url,
    HTTP_PROXY: environment.url,
    NO_PROXY: "other.test,login.test.example",
  });
  site.logins.expiresIn = 1;
  const account = (id: string, url: string, more = "") =>
    `[[accounts]]\nid = "${id}"\ntype = "claude-oauth"\nrefresh_token = "${site.logins.issue()}"\napi_url = "${url}"\n${more}`;
  await site.configure(
    account("own", site.providerUrl, own.toml()) +
      account("none", site.providerUrl) +
      account("loopback", site.loopbackUrl) +
      account("plain", site.provider.url),
  );
  const relay = await site.start();
  const seen = async (id: string) => {
    const [provider, logins] = [site.providerFrom.length, site.loginsFrom.length];
    const answer = await ask(relay.url, id);
    assert.equal(answer.status, 200, `${id}: ${answer.text}`);
    return [site.providerFrom.slice(provider), site.loginsFrom.slice(logins)];
  };
  assert.deepEqual(await seen("own"), [[own.egress], [own.egress]]);
  assert.deepEqual(await seen("none"), [[environment.egress], [environment.egress]]);
  assert.deepEqual(await seen("loopback"), [["127.0.0.1"], [environment.egress]]);
  assert.deepEqual(await seen("plain"), [[], [environment.egress]], "its provider is reached directly");
  assert.equal(site.provider.requests.length, 4);
  await relay.stop();
  const tunnels = { environment: await environment.tunnels(), own: await own.tunnels() };
  assert.deepEqual(tunnels, { environment: 4, own: 2 });
});

test("a host that NO_PROXY excepts is reached directly, or not at all", async (t) => {
  const environment = await startRealProxy(t, "squid");
  const site = await startSite(t, { https_proxy: environment.url, no_proxy: "localhost, .TEST" });
  await site.configure(
    `[[accounts]]\nid = "a"\ntype = "claude-api"\napi_key = "k"\napi_url = "${site.providerUrl}"\n`,
  );
  const relay = await site.start();
  const answer = await ask(relay.url, "a");
  assert.equal(answer.status, 502, answer.text);
  assert.match(answer.text, /the name of provider\.test:\d+ could not be resolved/);
  await relay.stop();
  assert.deepEqual([site.providerFrom, await environment.tunnels()], [[], 0]);
});

test("an environment's proxy that is broken fails the request: nothing goes past it", async (t) => {
  const environment = await startRealProxy(t, "tinyproxy", { username: "env", password: "of-the-env" });
  for (const [value, reason] of [
    [environment.url.replace("of-the-env", "wrong"), /refused the user name or password/],
    ["gopher://127.0.0.1:70", /the environment variable HTTPS_PROXY is not the address of a proxy/],
  ] as const) {
    const site = await startSite(t, { HTTPS_PROXY: value });
    await site.configure(
      `[[accounts]]\nid = "a"\ntype = "claude-oauth"\nrefresh_token = "${site.logins.issue()}"\napi_url = "${site.providerUrl}"\n`,
    );
    const relay = await site.start();
    const answer = await ask(relay.url, "a");
    assert.notEqual(answer.status, 200);
    assert.match(answer.text, reason);
    assert.ok(!answer.text.includes("wrong") && !relay.log().includes("wrong"));
    await relay.stop();
    assert.deepEqual([site.providerFrom, site.loginsFrom], [[], []]);
  }
});
