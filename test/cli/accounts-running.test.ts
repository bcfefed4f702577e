// The commands beside a relay that runs: what they change takes effect within a second.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RelayApp, startRelayApp } from "../../src/app/relay-app.ts";
import { sightFile } from "../../src/config/watch.ts";
import { claudeLimits } from "../../src/demo/provider/claude.ts";
import { claudeError } from "../support/claude-script.ts";
import { type ClientAnswer, send } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";
import { createWorkplace, type Workplace } from "./workplace.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

describe("beside a running relay", () => {
  let upstream: ScriptedUpstream;
  let place: Workplace;
  let app: RelayApp;

  before(async () => {
    upstream = await startUpstream({ family: "claude" });
  });
  after(() => upstream.close());
  beforeEach(async () => {
    upstream.reset();
    place = await createWorkplace(configText(upstream.url));
    app = await startRelayApp({
      config: await place.loadConfig(),
      readConfig: place.loadConfig,
      watchedFiles: [sightFile(place.configFile)],
      log: silent,
      version: "0.0.0-test",
    });
  });
  afterEach(async () => {
    await app.close();
    await place.close();
  });

  const type = (line: string) => place.type(line, { at: Date.now() });

  function ask(session: string, headers: string[] = []): Promise<ClientAnswer> {
    return send(`http://127.0.0.1:${app.port}`, {
      method: "POST",
      path: "/v1/messages",
      headers: ["anthropic-version", "2023-06-01", "x-claude-code-session-id", session, ...headers],
      body: { model: "claude-opus-5-5", max_tokens: 10, messages: [{ role: "user", content: session }] },
    });
  }

  const servedBy = async (session: string) => (await ask(session)).header("x-cc-relay-account");

  /** Asks again and again until it holds; fails when that takes longer than a second. */
  async function withinASecond(holds: () => Promise<boolean>): Promise<void> {
    for (const started = performance.now(); !(await holds()); await sleep(20)) {
      assert.ok(performance.now() - started < patient(1000), "it has not taken effect within a second");
    }
  }

  it("a disabled account gets nothing more, and its sessions move", async () => {
    assert.equal(await servedBy("one"), "first");
    assert.equal((await type("accounts disable first")).code, 0);
    await withinASecond(async () => (await servedBy("one")) === "second");

    assert.equal((await type("accounts enable first")).code, 0);
    let session = 0;
    await withinASecond(async () => (await servedBy(`new-${session++}`)) === "first");
    // Its binding to the first account was dropped: the prompt cache is at the second one now.
    assert.equal(await servedBy("one"), "second");
  });

  it("a cooldown shows in the list, and ends when the account is enabled", async () => {
    const reset = Math.floor(Date.now() / 1000) + 7200;
    const headers = claudeLimits(
      { "5h": { status: "rejected", reset, utilization: 1 } },
      { status: "rejected" },
    );
    upstream.queue("key-of-first", claudeError(429, { headers }));
    assert.equal(await servedBy("one"), "second");

    const list = async () => JSON.parse((await type("accounts list --json")).stdout).accounts[0];
    const { state, until } = await list();
    assert.equal(state, "cooldown");
    assert.equal(Date.parse(until), reset * 1000);
    await withinASecond(async () => (await list()).windows[0]?.utilization === 1);

    assert.equal((await type("accounts enable first")).code, 0);
    let session = 0;
    await withinASecond(async () => (await servedBy(`new-${session++}`)) === "first");
    assert.equal((await list()).state, "ready");
  });

  it("a removed account is unknown to the relay", async () => {
    assert.equal(await servedBy("one"), "first");
    assert.equal((await type("accounts remove first --yes")).code, 0);
    await withinASecond(async () => (await ask("two", ["x-cc-relay-account", "first"])).status === 404);
    assert.equal(await servedBy("one"), "second");
  });

  it("what was used is there as soon as the answer has ended", async () => {
    await ask("one");
    const { total } = JSON.parse((await type("usage --json --until 2099-01-01")).stdout);
    const served = upstream.total();
    assert.deepEqual(
      [total.requests, total.input_tokens, total.output_tokens, total.cache_read_tokens],
      [1, served.input, served.output, served.cacheRead],
    );
  });
});

function configText(url: string): string {
  const account = (id: string, priority: number) =>
    `[[accounts]]\ntype = "claude-api"\nid = "${id}"\napi_key = "key-of-${id}"\napi_url = "${url}"\npriority = ${priority}\n`;
  return `[server]\nport = 0\n\n${account("first", 200)}\n${account("second", 100)}`;
}
