// Clients that send nothing, half a head or half a body, or read nothing of their answer, against a real `serve`. `node test/hostile/clients.hostile.ts [--short]`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { send } from "../support/client.ts";
import { openRaw } from "../support/raw-client.ts";
import { until } from "../support/until.ts";
import { ask, createSite, isShort } from "./site.ts";

function head(lines: readonly string[] = []): string {
  return ["POST /v1/messages HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", ...lines]
    .join("\r\n")
    .concat("\r\n\r\n");
}

const body = (text = "q") =>
  JSON.stringify({
    model: "claude-opus-5-5",
    max_tokens: 9,
    stream: true,
    messages: [{ role: "user", content: text }],
  });

function event(rest: string): string {
  return `event: content_block_delta\ndata: {"type":"content_block_delta"${rest}}\n\n`;
}

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

/** What a relay takes when it begins to work, for any client. */
const firstWorkMb = 48;

describe("clients", { concurrency: true }, () => {
  test("bodies that come a byte at a time end with 408 after 30 s, and hold up nobody", async (t) => {
    const site = await createSite(t);
    const { folder, upstream } = site;
    const relay = await folder.start();
    assert.equal(await ask(relay.url), 200);
    const pulse = site.startPulse(relay.url);
    const begun = performance.now();
    const slow = Array.from({ length: isShort ? 100 : 500 }, (_, index) =>
      openRaw(t, relay.url, head([index % 2 === 0 ? "Content-Length: 1000" : "Transfer-Encoding: chunked"])),
    );
    const dripping = setInterval(() => {
      for (const { socket } of slow) if (socket.writable) socket.write("1\r\n{\r\n");
    }, 5000);
    t.after(() => clearInterval(dripping));
    await until("all have ended", () => slow.every(({ received }) => received() !== ""), 120_000);
    clearInterval(dripping);
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(seconds > 25 && seconds < 90, `${seconds} s`);
    for (const { received } of slow) assert.match(received(), /^HTTP\/1\.1 408 /);
    for (const { socket } of slow) socket.destroy();
    assert.deepEqual([...(await pulse.stop()).counts.keys()], [200]);
    assert.ok(upstream.requests.every(({ body }) => body.length > 20));
  });

  test("connections that send nothing, or half a head, end after 60 s; one kept alive after 75 s", async (t) => {
    const { folder } = await createSite(t);
    const relay = await folder.start();
    const kept = openRaw(t, relay.url, "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await until("it is answered", () => kept.received() !== "");
    const begun = performance.now();
    const keptSeconds = new Promise<number>((resolve) => {
      kept.socket.once("close", () => resolve((performance.now() - begun) / 1000));
    });
    const texts = ["", "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n"];
    const silent = Array.from({ length: 100 }, (_, index) => openRaw(t, relay.url, texts[index % 2]!));
    await until("all have ended", () => silent.every(({ isClosed }) => isClosed()), 120_000);
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(seconds > 55 && seconds < 100, `${seconds} s`);
    for (const { received } of silent) assert.match(received(), /^HTTP\/1\.1 408 /);
    assert.equal(await ask(relay.url), 200);
    assert.ok((await keptSeconds) > 70, `kept for ${await keptSeconds} s`);
  });

  test("clients that do not read stop their provider, take little memory, and go after 15 minutes", async (t) => {
    const site = await createSite(t);
    const { folder, upstream } = site;
    const relay = await folder.start();
    assert.equal(await ask(relay.url), 200);
    const clients = isShort ? 50 : 250;
    // More than the kernel's buffers of both connections hold; one copy for all.
    const piece = event(`,"index":0,"delta":{"type":"text_delta","text":"${"x".repeat(1000)}"}`);
    const answer = Buffer.from(piece.repeat(16_000));
    upstream.on(({ body }) => body.includes("never read"), {
      body: answer,
      headers: { "content-type": "text/event-stream" },
    });
    const before = residentMb(relay.pid);
    const asked = body("never read");
    const deaf = Array.from({ length: clients }, () => {
      const client = openRaw(t, relay.url, head([`Content-Length: ${asked.length}`]) + asked);
      client.socket.pause();
      return client;
    });
    await until(
      "all are answered",
      () => upstream.requests.filter(({ body }) => body.includes("never read")).length === clients,
      // Gigabytes go through this process until then, beside what the other tests do.
      5 * 60_000,
    );
    await sleep(3000);
    const grownMb = residentMb(relay.pid) - before;
    assert.ok(grownMb < firstWorkMb + 2 * clients, `${grownMb.toFixed()} MB for ${clients} clients`);
    const pulse = site.startPulse(relay.url);
    await sleep(2000);
    assert.deepEqual([...(await pulse.stop()).counts.keys()], [200]);
    if (isShort) for (const { socket } of deaf) socket.destroy();
    else await until("all were cut", () => upstream.connections <= 2, 17 * 60_000);
    await until("the provider's connections are closed", () => upstream.connections <= 2);
    for (const { socket } of deaf) socket.destroy();
  });

  for (const path of ["/v1/messages", "/v1/chat/completions"]) {
    test(`what 400 requests of 200 KB at once took of memory is given back (${path})`, async (t) => {
      const { folder } = await createSite(t);
      const relay = await folder.start();
      const usual = Buffer.from(body("q".repeat(200 * 1024)).replace('"stream":true', '"stream":false'));
      const request = { path, headers: ["content-type", "application/json"], body: usual };
      for (let turn = 0; turn < 20; turn++) assert.equal((await send(relay.url, request)).status, 200);
      const idleMb = residentMb(relay.pid);
      const all = await Promise.all(Array.from({ length: 400 }, () => send(relay.url, request)));
      for (const { status } of all) assert.equal(status, 200);
      await until("it is given back", () => residentMb(relay.pid) < idleMb + 40, 90_000);
    });
  }

  test("what a burst of large chats took of memory is given back", async (t) => {
    const { folder } = await createSite(t);
    const relay = await folder.start();
    const chat = Buffer.from(body("q".repeat(8_000_000)).replace('"stream":true', '"stream":false'));
    const request = {
      path: "/v1/chat/completions",
      headers: ["content-type", "application/json"],
      body: chat,
    };
    assert.equal(await ask(relay.url), 200);
    const idleMb = residentMb(relay.pid);
    const clients = Array.from({ length: 15 }, async () => {
      for (let turn = 0; turn < 4; turn++) assert.equal((await send(relay.url, request)).status, 200);
    });
    await Promise.all(clients);
    await until("it is given back", () => residentMb(relay.pid) < idleMb + 80, 90_000);
  });
});
