// Connections that end: the client's when its answer is cut, and the provider's kept ones that were closed meanwhile.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { type TestContext, test } from "node:test";
import { send } from "../support/client.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;

interface RawEnd {
  text: string;
  /** ECONNRESET when the connection was reset; undefined for an orderly end. */
  error: string | undefined;
}

/** Sends bytes and reads to the end, however that comes. */
function sendBytes({ relay }: Stage, bytes: string): Promise<RawEnd> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(relay.url).port), "127.0.0.1", () => socket.write(bytes));
    let text = "";
    let error: string | undefined;
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("error", (cause: NodeJS.ErrnoException) => (error = cause.code));
    socket.on("close", () => resolve({ text, error }));
  });
}

const body = String(claude.request().body);
const post = (version: string) =>
  `POST /v1/messages HTTP/${version}\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;

async function cutStage(t: TestContext): Promise<Stage> {
  const stage = await setStage(t);
  stage.upstream.queue("key-of-first", { events: 10, cut: { afterEvents: 5, how: "rst" } });
  return stage;
}

test("a cut answer in HTTP/1.1 lacks the end of its framing", async (t) => {
  const { text } = await sendBytes(await cutStage(t), post("1.1"));
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.match(text, /message_start[\s\S]*content_block_delta/);
  assert.doesNotMatch(text, /\r\n0\r\n\r\n$/);
});

test("a cut answer in HTTP/1.0 is reset: it has no framing, and its end would pass for success", async (t) => {
  const { error } = await sendBytes(await cutStage(t), post("1.0"));
  assert.equal(error, "ECONNRESET");
});

test("a whole answer in HTTP/1.0 ends in order", async (t) => {
  const { text, error } = await sendBytes(await setStage(t), post("1.0"));
  assert.equal(error, undefined);
  assert.match(text, /message_stop/);
});

test("a provider that closes kept connections costs no account its turn", async (t) => {
  const { upstream, relay, servedBy } = await setStage(t);
  upstream.on(() => true, { closeAfter: true });
  for (let index = 0; index < 40; index++) {
    const answer = await send(relay.url, claude.request({ stream: index % 2 === 0 }));
    assert.equal(answer.header("x-cc-relay-account"), "first");
  }
  assert.deepEqual([...new Set(servedBy())], ["first"]);
  assert.equal(relay.log.filter(({ level }) => level === "warn").length, 0);
});

test("connections that were all dropped while idle are noticed by nobody", async (t) => {
  const { upstream, relay } = await setStage(t);
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => send(relay.url, claude.request({ session: `s${index}` }))),
    );
    assert.ok(answers.every((answer) => answer.header("x-cc-relay-account") === "first"));
    upstream.dropConnections();
  }
});
