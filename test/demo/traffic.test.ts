// The demo's own clients, and what a demo with them has to show.

import assert from "node:assert/strict";
import { test } from "node:test";
import { demoClients, writeTurn } from "../../src/demo/conversations.ts";
import { startDemo } from "../../src/demo/demo.ts";
import { startTraffic } from "../../src/demo/traffic.ts";
import { send } from "../support/client.ts";
import { startRelay } from "../support/relay.ts";
import { until } from "../support/until.ts";

test("the clients speak every API of the relay, in conversations that grow and begin anew", () => {
  const turns = Array.from({ length: 200 }, (_, number) => writeTurn(number));
  assert.deepEqual([...new Set(turns.map(({ client }) => client))].sort(), [...demoClients].sort());
  assert.deepEqual([...new Set(turns.map(({ path }) => path.replace(/models\/[^:]+/, "models/M")))].sort(), [
    "/gemini/v1beta/models/M:streamGenerateContent?alt=sse",
    "/openai/v1/responses",
    "/v1/chat/completions",
    "/v1/messages",
  ]);
  const codex = turns.filter(({ client }) => client === "demo-linux");
  const sizes = codex
    .filter(({ session }) => session === "demo-linux-1")
    .map(({ body }) => JSON.stringify(body).length);
  assert.ok(sizes.length > 3 && sizes.at(-1)! > sizes[0]!);
  assert.ok(new Set(codex.map(({ session }) => session)).size > 1);
  assert.ok(turns.some(({ leavesEarly }) => leavesEarly));
  assert.deepEqual(writeTurn(123), writeTurn(123));
});

test("within a minute there are a refused key, an account at its limit, and answers of every family with their usage", async () => {
  const demo = await startDemo({ pauseMs: 5, latencyMs: 0 });
  const relay = await startRelay({
    accounts: demo.accounts,
    configure: (config) => ({ ...config, demoClients }),
  });
  const traffic = startTraffic(relay.url, { firstPauseMs: 5, pauseMs: 5 });
  try {
    const read = async () => (await send(relay.url, { path: "/status", method: "GET" })).json() as Status;
    // Later requests push the first ones out of the list.
    const paths = new Set<string>();
    await until(
      "every account and client has something to show",
      async () => {
        const { accounts, recent } = await read();
        for (const { path } of recent) paths.add(path.join());
        return (
          accounts.filter(({ requests_24h }) => requests_24h > 0).length >= 3 &&
          demoClients.every((name) => recent.some(({ client }) => client === name)) &&
          recent.some(({ outcome }) => outcome === "aborted")
        );
      },
      90_000,
    );
    const { accounts, recent } = await read();
    const state = (id: string) => accounts.find((account) => account.id === id);
    assert.equal(state("demo-claude-3")?.state, "needs-login");
    assert.equal(state("demo-claude-1")?.state, "cooldown");
    assert.ok(Date.parse(state("demo-claude-1")?.until ?? "") > Date.now());
    assert.equal(state("demo-openai-1")?.state, "cooldown");
    assert.deepEqual(
      state("demo-claude-2")?.windows.map(({ name }) => name),
      ["5h", "7d"],
    );
    assert.ok(paths.has("demo-claude-3,demo-claude-1,demo-claude-2"), [...paths].join(" "));
    for (const family of ["claude", "gemini", "openai"])
      assert.ok(
        recent.some((one) => one.family === family && one.status === 200 && (one.cost_usd ?? 0) > 0),
        family,
      );
  } finally {
    await traffic.close();
    await relay.close();
    await demo.close();
  }
});

test("a name of a demo's client is no key where keys are set, and no client of another relay has one", async () => {
  const demo = await startDemo({ pauseMs: 0, latencyMs: 0 });
  const relay = await startRelay({ accounts: demo.accounts });
  const ask = (name: string) =>
    send(relay.url, {
      path: "/v1/messages",
      headers: ["x-cc-relay-key", name],
      body: { model: "claude-haiku-5-5", max_tokens: 5, messages: [{ role: "user", content: "hi" }] },
    });
  try {
    assert.equal((await ask("demo-mac")).status, 200);
    await relay.reconfigure((config) => ({ ...config, demoClients }));
    assert.equal((await ask("demo-mac")).status, 200);
    await relay.reconfigure((config) => ({ ...config, apiKeys: [{ name: "mine", key: "k".repeat(32) }] }));
    assert.equal((await ask("demo-mac")).status, 401);
    const { rows } = await relay.store.usage.summarize({ by: "client", since: 0, until: Date.now() + 1000 });
    assert.deepEqual(rows.map(({ key, requests }) => [key, requests]).sort(), [
      ["anonymous", 1],
      ["demo-mac", 1],
    ]);
  } finally {
    await relay.close();
    await demo.close();
  }
});

interface Status {
  accounts: {
    id: string;
    state: string;
    until: string | null;
    requests_24h: number;
    windows: { name: string }[];
  }[];
  recent: {
    client: string;
    family: string;
    outcome: string;
    status: number;
    path: string[];
    cost_usd: number | null;
  }[];
}
