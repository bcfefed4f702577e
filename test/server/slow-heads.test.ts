// Clients that send the head of a request slowly, in part or not at all.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { cases } from "../relay/cases.ts";
import { patient } from "../support/patience.ts";
import { openRaw } from "../support/raw-client.ts";
import { setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

const headTimeoutMs = Math.round(patient(80));

const halfHead = "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n";
const question = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

test("no head, half a head and half a second one end with 408; a connection kept alive stays", async (t) => {
  const { relay } = await setStage(t, { headTimeoutMs });
  const kept = openRaw(t, relay.url, question);
  const second = openRaw(t, relay.url, question);
  await until("both are answered", () => kept.received() !== "" && second.received() !== "");
  second.socket.write(halfHead);
  const late = [openRaw(t, relay.url, ""), openRaw(t, relay.url, halfHead), second];
  await until("all are closed", () => late.every(({ isClosed }) => isClosed()));
  for (const { received } of late) assert.match(received(), /HTTP\/1\.1 408 /);
  assert.equal(kept.isClosed(), false);
  const before = kept.received().length;
  kept.socket.write(question);
  await until("it is answered again", () => kept.received().length > before);
  assert.doesNotMatch(kept.received(), / 408 /);
});

test("a body and an answer may take longer than a head", async (t) => {
  const { relay, upstream } = await setStage(t, { headTimeoutMs });
  upstream.on(() => true, { firstEventAfter: 1.5 * headTimeoutMs });
  const bytes = Buffer.from(String(cases.claude.request().body));
  const head = `${halfHead}Content-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  const client = openRaw(t, relay.url, head);
  const middle = bytes.length >> 1;
  await sleep(headTimeoutMs);
  client.socket.write(bytes.subarray(0, middle));
  await sleep(headTimeoutMs);
  client.socket.write(bytes.subarray(middle));
  await until("the answer is whole", () => client.received().includes("message_stop"));
  assert.match(client.received(), /^HTTP\/1\.1 200 /);
});
