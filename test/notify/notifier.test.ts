// Receivers of notifications over real sockets and processes: what each gets, and that one that hangs holds up nothing.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { NotifyConfig } from "../../src/config/config.ts";
import type { Situation } from "../../src/notify/notices.ts";
import { createNotifier, type Notifier } from "../../src/notify/notifier.ts";
import { createNotifyDispatchers } from "../../src/notify/send.ts";
import { type Log, silentLog } from "../../src/telemetry/log.ts";
import { redact } from "../../src/text/redact.ts";
import { until } from "../support/until.ts";
import { notifyConfig as config, startReceiver } from "./receiver.ts";

const now = Date.UTC(2026, 10, 22, 12);
const secret = "correct-horse-battery-staple";

interface Scene {
  notifier: Notifier;
  set(reason: string | undefined): void;
  warnings: object[];
}

function setScene(t: TestContext, receivers: NotifyConfig[], timeoutMs = 10_000): Scene {
  const warnings: object[] = [];
  const log: Log = { ...silentLog, warn: (fields) => void warnings.push(fields) };
  let situation: Situation = situationOf(undefined);
  const dispatchers = createNotifyDispatchers({ environmentProxy: { httpProxy: "http://127.0.0.1:1" } });
  const notifier = createNotifier({
    ...{ receivers, log, timeoutMs, intervalMs: 1, now: () => now },
    ...{ remembered: new Map(), remember: () => {} },
    situation: () => situation,
    dispatcherFor: dispatchers.for,
    redact: (text) => redact(text, [secret]),
  });
  t.after(async () => {
    notifier.close();
    await dispatchers.close();
  });
  return {
    notifier,
    warnings,
    set(reason) {
      situation = situationOf(reason);
      notifier.changed();
    },
  };
}

function situationOf(reason: string | undefined): Situation {
  const status =
    reason === undefined
      ? ({ state: "ready", reason: undefined, until: undefined } as const)
      : ({ state: "needs-login", reason, until: now + 3_600_000 } as const);
  return {
    accounts: [
      { id: "work", family: "claude", status, windows: [] },
      { id: "spare", family: "claude", status: { ...status, state: "ready" }, windows: [] },
    ],
    storage: { kind: "disk" },
  };
}

test("a webhook gets the JSON that is documented, without secrets", async (t) => {
  const receiver = await startReceiver(t);
  const scene = setScene(t, [config({ kind: "webhook", url: `${receiver.url}/hook?a=b` })]);
  scene.set(`the key "${secret}" is refused`);
  await until("the message", () => receiver.received.length > 0);
  const [message] = receiver.received;
  assert.equal(message?.url, "/hook?a=b");
  assert.equal(message?.headers["content-type"], "application/json");
  assert.deepEqual(JSON.parse(message?.text ?? ""), {
    event: "needs-login",
    account: "work",
    family: "claude",
    state: "needs-login",
    reason: 'the key "***" is refused',
    until: "2026-11-22T13:00:00Z",
    time: "2026-11-22T12:00:00Z",
    message: 'work needs a login: the key "***" is refused',
  });
});

test("a topic of ntfy gets a sentence as its text", async (t) => {
  const receiver = await startReceiver(t);
  const scene = setScene(t, [config({ kind: "ntfy", url: `${receiver.url}/my-topic` })]);
  scene.set("the key is refused");
  await until("the message", () => receiver.received.length > 0);
  const [message] = receiver.received;
  assert.equal(message?.url, "/my-topic");
  assert.equal(message?.text, "work needs a login: the key is refused");
  assert.equal(message?.headers.title, "cc-relay");
});

test("a command gets its arguments as they are written and the JSON on standard input, without a shell", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "cc-relay-notify-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "out");
  const script = `require("fs").writeFileSync(process.argv[1], process.argv[2] + "\\n" + require("fs").readFileSync(0))`;
  const argument = "$HOME; `id` > x";
  const scene = setScene(t, [
    config({ kind: "command", command: [process.execPath, "-e", script, file, argument] }),
  ]);
  scene.set("the key is refused");
  const text = await until("the message", () =>
    readFile(file, "utf8").then(
      (it) => it.endsWith("}\n") && it,
      () => undefined,
    ),
  );
  const [first, json] = text.split("\n");
  assert.equal(first, argument);
  assert.equal(JSON.parse(json ?? "").event, "needs-login");
});

test("a receiver that hangs holds up no other one, and is dropped", async (t) => {
  const hanging = await startReceiver(t, { hangs: true });
  const good = await startReceiver(t);
  const scene = setScene(
    t,
    [config({ kind: "webhook", url: hanging.url }), config({ kind: "webhook", url: good.url })],
    200,
  );
  scene.set("the key is refused");
  await until("the other receiver has it", () => good.received.length === 1);
  assert.equal(scene.warnings.length, 0);
  await until("it is given up", () => scene.warnings.length === 1);
  assert.match(JSON.stringify(scene.warnings[0]), /did not take the message within/);
  assert.doesNotMatch(JSON.stringify(scene.warnings), /127\.0\.0\.1/);
});

test("a receiver that refuses, one that is not there and a command that fails are logged, each with why", async (t) => {
  const refusing = await startReceiver(t, { status: 500 });
  const scene = setScene(t, [
    config({ kind: "webhook", url: refusing.url }),
    config({ kind: "ntfy", url: "http://127.0.0.1:1/topic" }),
    config({ kind: "command", command: ["/no/such/program"] }),
    config({ kind: "command", command: [process.execPath, "-e", "process.exit(3)"] }),
  ]);
  scene.set("the key is refused");
  await until("all are logged", () => scene.warnings.length === 4);
  const reasons = scene.warnings.map((fields) => ("reason" in fields ? fields.reason : "")).sort();
  assert.deepEqual(reasons, [
    "it answered 500",
    "it cannot be reached: ECONNREFUSED",
    "the command cannot be started: ENOENT",
    "the command ended with 3",
  ]);
});

test("a message goes through the receiver's own proxy", async (t) => {
  const proxy = await startReceiver(t);
  const { port } = new URL(proxy.url);
  const settings = { type: "http", host: "127.0.0.1", port: Number(port) } as const;
  const scene = setScene(
    t,
    [config({ kind: "webhook", url: "http://203.0.113.1/hook" }, { proxy: settings })],
    500,
  );
  scene.set("the key is refused");
  // A tunnel is asked for with CONNECT, which this one does not make: what counts is that nothing went out directly.
  await until("it has failed at the proxy", () => scene.warnings.length === 1);
  assert.match(JSON.stringify(scene.warnings), new RegExp(`the http proxy 127\\.0\\.0\\.1:${port} closed`));
});

test("receivers that stay in a new configuration get nothing twice", async (t) => {
  const receiver = await startReceiver(t);
  const kept = config({ kind: "webhook", url: receiver.url });
  const scene = setScene(t, [kept]);
  scene.set("the key is refused");
  await until("the message", () => receiver.received.length === 1);
  scene.notifier.configure([{ ...kept }, config({ kind: "webhook", url: `${receiver.url}/new` })]);
  await until("the new one has it", () => receiver.received.length === 2);
  assert.deepEqual(receiver.received.map(({ url }) => url).sort(), ["/", "/new"]);
});
