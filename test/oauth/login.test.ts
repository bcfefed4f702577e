// How a login ends, whichever way the code comes: cancelled, too late, without a refresh token, or without its proxy.

import assert from "node:assert/strict";
import { test } from "node:test";
import { perTest } from "../support/per-test.ts";
import { startConnectProxy } from "../support/proxies.ts";
import { browse, isListening, openLoginSite, portOf } from "./login-setup.ts";

const site = perTest(openLoginSite);

test("Ctrl-C and the time limit end the login and close the port", async () => {
  const run = await site.start();
  const port = portOf(run.links.automatic);
  assert.equal(await isListening(port), true);
  run.abort();
  assert.deepEqual(await run.result, { ok: false, reason: "cancelled", message: "the login was cancelled" });
  assert.equal(await isListening(port), false);

  const late = await site.start({ limitMs: 30 });
  assert.deepEqual(await late.result, {
    ok: false,
    reason: "timed-out",
    message: "nobody finished the login in time",
  });
  assert.equal(await isListening(portOf(late.links.automatic)), false);

  site.server.faults.push({ kind: "delay", ms: 5000 });
  const exchanging = await site.start({ prompts: { open: undefined, paste: async () => "code" } });
  while (site.server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  exchanging.abort();
  const result = await exchanging.result;
  assert.ok(!result.ok && result.reason === "cancelled");
});

test("a login without a refresh token is refused", async () => {
  site.server.faults.push({ kind: "lie", change: (answer) => ({ ...answer, refresh_token: undefined }) });
  const run = await site.start();
  await browse(run.links.automatic!);
  const result = await run.result;
  assert.ok(!result.ok && result.reason === "no-refresh-token");
});

test("the exchange goes through the account's proxy, and without it nothing is sent", async () => {
  const proxy = await startConnectProxy();
  const dispatcher = site.dispatchers.for("p", { type: "http", host: "127.0.0.1", port: proxy.port });
  const run = await site.start({ dispatcher, prompts: { open: undefined, paste: async () => "code" } });
  assert.ok(!(await run.result).ok);
  assert.deepEqual(proxy.targets, [`127.0.0.1:${site.server.port}`]);
  await proxy.close();
  const before = site.server.connections;
  const failed = await site.start({ dispatcher, prompts: { open: undefined, paste: async () => "code" } });
  const result = await failed.result;
  assert.ok(!result.ok && result.reason === "proxy");
  assert.equal(site.server.connections, before);
});
