// How a login ends, whichever way the code comes: cancelled, too late, without a refresh token, or without its proxy.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { startConnectProxy } from "../support/proxies.ts";
import { browse, isListening, type LoginSite, openLoginSite, portOf } from "./login-setup.ts";

let site: LoginSite;
let server: LoginSite["server"];
let dispatchers: LoginSite["dispatchers"];
let start: LoginSite["start"];

beforeEach(async () => {
  site = await openLoginSite();
  ({ server, dispatchers, start } = site);
});

afterEach(() => site.close());

test("Ctrl-C and the time limit end the login and close the port", async () => {
  const run = await start();
  const port = portOf(run.links.automatic);
  assert.equal(await isListening(port), true);
  run.abort();
  assert.deepEqual(await run.result, { ok: false, reason: "cancelled", message: "the login was cancelled" });
  assert.equal(await isListening(port), false);

  const late = await start({ limitMs: 30 });
  assert.deepEqual(await late.result, {
    ok: false,
    reason: "timed-out",
    message: "nobody finished the login in time",
  });
  assert.equal(await isListening(portOf(late.links.automatic)), false);

  server.faults.push({ kind: "delay", ms: 5000 });
  const exchanging = await start({ prompts: { open: undefined, paste: async () => "code" } });
  while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  exchanging.abort();
  const result = await exchanging.result;
  assert.ok(!result.ok && result.reason === "cancelled");
});

test("a login without a refresh token is refused", async () => {
  server.faults.push({ kind: "lie", change: (answer) => ({ ...answer, refresh_token: undefined }) });
  const run = await start();
  await browse(run.links.automatic!);
  const result = await run.result;
  assert.ok(!result.ok && result.reason === "no-refresh-token");
});

test("the exchange goes through the account's proxy, and without it nothing is sent", async () => {
  const proxy = await startConnectProxy();
  const dispatcher = dispatchers.for("p", { type: "http", host: "127.0.0.1", port: proxy.port });
  const run = await start({ dispatcher, prompts: { open: undefined, paste: async () => "code" } });
  assert.ok(!(await run.result).ok);
  assert.deepEqual(proxy.targets, [`127.0.0.1:${server.port}`]);
  await proxy.close();
  const before = server.connections;
  const failed = await start({ dispatcher, prompts: { open: undefined, paste: async () => "code" } });
  const result = await failed.result;
  assert.ok(!result.ok && result.reason === "proxy");
  assert.equal(server.connections, before);
});
