// A request's body is let go once its answer is decided: open streams must not keep conversations of megabytes in memory.

import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { open } from "../support/client.ts";
import { startRelay, testAccount } from "../support/relay.ts";
import { setStage } from "../support/stage.ts";
import { until } from "../support/until.ts";
import { cases } from "./cases.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const mebi = 1024 * 1024;
/** Of 24 that were sent. */
const maxGrownMb = 12;

for (const dialect of [cases.claude, cases.chat]) {
  test(`six open streams do not keep their bodies of 4 MB (${dialect.name})`, async (t) => {
    const { upstream, relay } = await setStage(t, { type: "claude-api", ids: ["first"] });
    upstream.on(() => true, { gate: (event) => (event >= 2 ? new Promise(() => {}) : undefined) });
    /** In MiB. What is let go late is waited for, up to a time at which it counts as held. */
    const held = async (enough: number) => {
      for (const request of upstream.requests)
        Object.assign(request, { body: Buffer.alloc(0), json: undefined });
      for (let round = 1; ; round++) {
        collectGarbage();
        const now = process.memoryUsage().arrayBuffers / mebi;
        if (now <= enough || round === 10) return now;
        await sleep(50);
      }
    };
    const before = await held(Number.POSITIVE_INFINITY);
    const answers = [];
    for (let index = 0; index < 6; index++) {
      const request = dialect.request({ text: "x".repeat(4 * mebi), session: `s${index}` });
      const answer = await open(relay.url, request);
      await answer.read();
      answers.push(answer);
    }
    const grown = (await held(before + maxGrownMb)) - before;
    for (const answer of answers) answer.abort();
    assert.ok(grown <= maxGrownMb, `${Math.round(grown)} MiB are held`);
  });
}

for (const dialect of [cases.claude, cases.chat]) {
  test(`a provider that answers before it has read the request gets all of it (${dialect.name})`, async (t) => {
    const received: Buffer[] = [];
    let reader: Socket | undefined;
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        received.push(chunk);
        if (reader) return;
        reader = socket.pause();
        const head =
          "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        const event = `data: ${JSON.stringify({ type: "message_start", message: { type: "message", usage: {} } })}\n\n`;
        socket.write(`${head}${event.length.toString(16)}\r\n${event}\r\n`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const relay = await startRelay({
      accounts: [testAccount("only", "claude-api", `http://127.0.0.1:${port}`)],
    });
    t.after(async () => {
      reader?.destroy();
      await relay.close();
      server.close();
    });
    const text = Array.from({ length: 400_000 }, (_, index) => index.toString(36)).join(" ");
    const answer = await open(relay.url, dialect.request({ text, session: "early" }));
    await answer.read();
    // Large bodies of others take the memory of this one, if it is free.
    const others = Array.from({ length: 8 }, () => Buffer.alloc(text.length, "!"));
    reader?.resume();
    await until("the whole text has come", () => received.at(-1)?.toString().endsWith("}"), 20_000);
    answer.abort();
    assert.equal(others.length, 8);
    assert.ok(Buffer.concat(received).includes(text));
  });
}
