// What happens while a client's WebSocket is being opened: its client leaves, the configuration changes, the relay goes down.

import assert from "node:assert/strict";
import { connect as connectTcp } from "node:net";
import { type TestContext, test } from "node:test";
import { turns, until } from "../support/until.ts";
import { type SocketStage, startSocketStage, typesOf } from "./stage.ts";

const done = "response.completed";

interface Dialling extends SocketStage {
  /** The provider answers the upgrade. */
  answer(): void;
}

/** The provider has been dialled, and says nothing yet. */
async function startDialling(t: TestContext, open: (stage: SocketStage) => void): Promise<Dialling> {
  const stage = await startSocketStage(t, { ids: ["a"], limits: { maxPerClient: 1 } });
  const { promise, resolve } = Promise.withResolvers<void>();
  stage.script.upgradeWaits = () => promise;
  open(stage);
  await until("the provider is dialled", () => stage.script.dialled === 1);
  return { ...stage, answer: resolve };
}

test("a client that leaves while its account is dialled takes no room any more, and does not keep the relay up", async (t) => {
  const head =
    "GET /openai/v1/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
  const clients: ReturnType<typeof connectTcp>[] = [];
  const { relay, answer, connect, script } = await startDialling(t, ({ relay }) => {
    const client = connectTcp(Number(new URL(relay.url).port), "127.0.0.1", () => client.write(head));
    clients.push(client);
  });
  clients[0]!.resetAndDestroy();
  await turns();
  script.upgradeWaits = undefined;
  answer();
  const other = await until("there is room for another one", () => connect().catch(() => undefined));
  assert.equal(typesOf(await other.ask()).at(-1), done);
  await relay.restart();
  assert.deepEqual(
    relay.log.filter(({ level }) => level === "error"),
    [],
  );
});

test("an account that is disabled while it is dialled is left at once: the client connects again", async (t) => {
  const opened: ReturnType<SocketStage["connect"]>[] = [];
  const { relay, answer } = await startDialling(t, ({ connect }) => void opened.push(connect()));
  await relay.reconfigure((config) => ({ ...config, upstream: { ...config.upstream, websocket: false } }));
  await new Promise((resolve) => setTimeout(resolve, 60));
  answer();
  assert.equal(await (await opened[0]!).closed, 1012);
});

test("a relay that goes down while an account is dialled refuses its client in HTTP", async (t) => {
  const refusals: ReturnType<SocketStage["refused"]>[] = [];
  const { relay, answer } = await startDialling(t, ({ refused }) => void refusals.push(refused()));
  const closing = relay.app.close();
  answer();
  assert.equal((await refusals[0]!).status, 426);
  await closing;
  await relay.restart().catch(() => {});
});
