// `[[notify]]` of a whole relay: what receivers get when accounts, windows and the database change, and after a restart.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { type NotifyConfig, notifyEvents } from "../../src/config/config.ts";
import { claudeLimits } from "../../src/demo/provider/claude.ts";
import { cases } from "../relay/cases.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { send } from "../support/client.ts";
import { startConnectProxy } from "../support/proxies.ts";
import type { TestRelay } from "../support/relay.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { notifyConfig, type Receiver, startReceiver } from "./receiver.ts";

const inAnHour = () => Date.now() + 3_600_000;
/** Of all events but that of windows, which a limit reaches as well. */
const webhook = ({ url }: Receiver, some?: Partial<NotifyConfig>) =>
  notifyConfig(
    { kind: "webhook", url },
    { events: notifyEvents.filter((event) => event !== "window"), ...some },
  );

function setNotifyStage(t: TestContext, ...notify: NotifyConfig[]): Promise<Stage> {
  return setStage(t, { isFast: true, configure: (config) => ({ ...config, notify }) });
}

async function ask({ url }: Pick<TestRelay, "url">, status = 200): Promise<void> {
  const answer = await send(url, cases.claude.request());
  assert.equal(answer.status, status, answer.text);
}

function limit({ upstream }: Stage, ...ids: string[]): void {
  for (const id of ids) upstream.queue(`key-of-${id}`, claudeFailures.windowRejected("5h", inAnHour()));
}

/** As `accounts enable ID` does it. */
function enable({ store }: TestRelay, id: string): Promise<void> {
  return store.accounts.forgetLearned(id, Date.now());
}

test("a pool that becomes empty is reported to every kind of receiver, and that an account is back", async (t) => {
  const [hook, topic] = await Promise.all([startReceiver(t), startReceiver(t)]);
  const script = `require("fs").appendFileSync(process.argv[1], require("fs").readFileSync(0))`;
  const command = (file: string) => [process.execPath, "-e", script, file];
  const stage = await setStage(t, {
    isFast: true,
    configure: (config) => ({
      ...config,
      notify: [
        webhook(hook),
        notifyConfig({ kind: "ntfy", url: `${topic.url}/relay` }, { events: ["family-out", "family-back"] }),
        notifyConfig(
          { kind: "command", command: command(join(dirname(config.server.databasePath), "told")) },
          { events: ["family-out"] },
        ),
      ],
    }),
  });
  limit(stage, "first", "second");
  await ask(stage.relay, 429);
  await until("the pool is told to be empty", () => hook.events().includes("family-out claude"));
  await enable(stage.relay, "second");
  await until("it is back", () => hook.events().length === 5 && topic.received.length === 2);
  assert.deepEqual(hook.events(), [
    "cooldown first",
    "cooldown second",
    "family-out claude",
    "account-back second",
    "family-back claude",
  ]);
  const [out, back] = topic.received.map(({ text }) => text);
  assert.match(out ?? "", /^no Claude account can answer, the first is back in (1h|5\dm)/);
  assert.equal(back, "a Claude account can answer again");
  const told = join(dirname(stage.relay.config.server.databasePath), "told");
  const json = await until("the command", () => readFile(told, "utf8").catch(() => undefined));
  assert.equal(JSON.parse(json).event, "family-out");
});

test("a cooldown is reported after its time only, a window when an answer passes the threshold", async (t) => {
  const hook = await startReceiver(t);
  const stage = await setNotifyStage(
    t,
    webhook(hook, { events: ["cooldown", "window"], afterMs: 1200, windowThreshold: 0.5 }),
  );
  const reset = Math.round(inAnHour() / 1000);
  stage.upstream.queue("key-of-first", {
    headers: claudeLimits({ "5h": { status: "allowed", reset, utilization: 0.61 } }, { status: "allowed" }),
  });
  await ask(stage.relay);
  await until("the window", () => hook.events().length === 1);
  assert.equal(JSON.parse(hook.received[0]!.text).message, "the window 5h of first is at 61%");
  limit(stage, "first");
  const { clock } = stage.relay;
  const limitedAt = clock.monotonic();
  await ask(stage.relay);
  await until("the cooldown", () => hook.events().includes("cooldown first"));
  assert.ok(clock.monotonic() - limitedAt >= 1200, "not before its time");
});

test("a restart repeats nothing that was sent, and reports what ended meanwhile", async (t) => {
  const hook = await startReceiver(t);
  const stage = await setNotifyStage(t, webhook(hook));
  stage.upstream.on("key-of-first", claudeFailures.unauthorized());
  await ask(stage.relay);
  await until("the refusal", () => hook.events().includes("needs-login first"));
  await until("it is kept", async () => (await stage.relay.store.notices.list()).length === 1);
  await stage.relay.restart();
  limit(stage, "second");
  await ask(stage.relay, 429);
  await until("the pool", () => hook.events().includes("family-out claude"));
  assert.deepEqual(hook.events(), ["needs-login first", "cooldown second", "family-out claude"]);
  await until("it is kept", async () =>
    Object.keys((await stage.relay.store.notices.list())[0]!.lasting).includes("family claude"),
  );
  await stage.relay.app.close();
  await enable(stage.relay, "second");
  await stage.relay.restart();
  await until("the return", () => hook.events().includes("family-back claude"));
  assert.deepEqual(hook.events().slice(3), ["account-back second", "family-back claude"]);
});

test("a receiver that was quiet about an event stays so after a restart", async (t) => {
  const hook = await startReceiver(t);
  const stage = await setNotifyStage(t, webhook(hook, { quietMs: 3_600_000 }));
  limit(stage, "first");
  await ask(stage.relay);
  await until("the cooldown", () => hook.events().includes("cooldown first"));
  await enable(stage.relay, "first");
  await until("the return", () => hook.events().includes("account-back first"));
  await stage.relay.restart();
  limit(stage, "first", "second");
  await ask(stage.relay, 429);
  await until("the pool", () => hook.events().includes("family-out claude"));
  assert.deepEqual(hook.events().slice(2), ["cooldown second", "family-out claude"]);
});

test("an account whose refusal has run out is back when it has answered, not before", async (t) => {
  const hook = await startReceiver(t);
  let ahead = 0;
  const stage = await setStage(t, {
    configure: (config) => ({ ...config, notify: [webhook(hook)] }),
    // The time of day alone: what is due keeps to the other clock.
    clock: { now: () => Date.now() + ahead, monotonic: () => performance.now() },
    isFast: true,
  });
  stage.upstream.queue("key-of-first", claudeFailures.unauthorized(), claudeFailures.unauthorized());
  await ask(stage.relay);
  await until("the refusal", () => hook.events().length === 1);
  ahead += 3_700_000;
  await ask(stage.relay);
  ahead += 3_700_000;
  limit(stage, "second");
  const asked = {
    ...cases.claude.request(),
    headers: [...(cases.claude.request().headers ?? []), "x-cc-relay-account", "second"],
  };
  await send(stage.relay.url, asked);
  await until("the other account", () => hook.events().includes("family-out claude"));
  await ask(stage.relay);
  await until("the return", () => hook.events().includes("family-back claude"));
  assert.deepEqual(hook.events(), [
    "needs-login first",
    "cooldown second",
    "family-out claude",
    "account-back first",
    "family-back claude",
  ]);
});

test("messages go through the proxy of a receiver", async (t) => {
  const hook = await startReceiver(t);
  const proxy = await startConnectProxy({ resolve: () => "127.0.0.1" });
  t.after(() => proxy.close());
  const { port } = new URL(hook.url);
  const settings = { type: "http", host: "127.0.0.1", port: proxy.port } as const;
  const receiver = { kind: "webhook", url: `http://hooks.example:${port}/x` } as const;
  const stage = await setNotifyStage(t, notifyConfig(receiver, { events: ["cooldown"], proxy: settings }));
  limit(stage, "first");
  await ask(stage.relay);
  await until("the message", () => hook.events().includes("cooldown first"));
  assert.deepEqual(proxy.targets, [`hooks.example:${port}`]);
});

test("a receiver that hangs delays no answer and no other receiver", async (t) => {
  const [hanging, hook] = await Promise.all([startReceiver(t, { hangs: true }), startReceiver(t)]);
  const stage = await setNotifyStage(t, webhook(hanging), webhook(hook));
  limit(stage, "first");
  await ask(stage.relay);
  await until("both have it", () => hanging.received.length === 1 && hook.received.length === 1);
  for (let count = 0; count < 20; count++) await ask(stage.relay);
  await enable(stage.relay, "first");
  await until("the return", () => hook.events().includes("account-back first"));
  assert.equal(hanging.received.length, 1, "one message at a time");
});
