// Answers that cannot be decoded move the request on, or are truncated once they have begun. Those that unfold to more than anybody
// wants go on untouched on native routes. Neither stops anything, and what was not read is not counted as nothing.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from "node:zlib";
import type { Behaviour } from "../support/behaviour.ts";
import { claudeError } from "../support/claude-script.ts";
import { send } from "../support/client.ts";
import { patient } from "../support/patience.ts";
import { type Stage, setStage } from "../support/stage.ts";
import { cases } from "./cases.ts";

const noise = Buffer.from("\u0007 this is no coding at all ".repeat(40));
const sse = { "content-type": "text/event-stream" };
const start =
  'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1}}}\n\n';

const mebi = 1024 * 1024;
/** Ten times as much as is unfolded of it. */
const bombBytes = 40 * mebi;

/** A stream whose one event holds so much that it could only be meant to fill a memory. */
const bomb = brotliCompressSync(
  Buffer.concat([
    Buffer.from(`${start}event: content_block_delta\ndata: {"type":"content_block_delta","x":"`),
    Buffer.alloc(bombBytes, "a"),
  ]),
  { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } },
);

async function row({ relay }: Stage) {
  const { total } = await relay.store.usage.summarize({ since: 0, until: Date.now() + 1000, by: "day" });
  return total;
}

const codedAs = (encoding: string, body: Buffer): Behaviour => ({
  body,
  headers: { ...sse, "content-encoding": encoding },
});

const undecodable: Record<string, Behaviour> = {
  "garbage under gzip": codedAs("gzip", noise),
  "garbage under br": codedAs("br", noise),
  "garbage under zstd": codedAs("zstd", noise),
  "garbage under deflate": codedAs("deflate", noise),
  "an unknown coding": codedAs("lzma", noise),
  "a gzip that breaks off": codedAs("gzip", gzipSync(start.repeat(50)).subarray(0, 12)),
  "a bomb": codedAs("br", bomb),
};

for (const [what, behaviour] of Object.entries(undecodable)) {
  describe(what, () => {
    for (const stream of [true, false]) {
      test(`moves a converted ${stream ? "stream" : "document"} on, and is never an empty answer`, async (t) => {
        const stage = await setStage(t, { type: "claude-api" });
        stage.upstream.queue("key-of-first", behaviour);
        const answer = await send(stage.relay.url, cases.chat.request({ stream }));
        const isBroken = answer.end === "cut" && /"error"/.test(answer.text);
        if (!isBroken) {
          assert.deepEqual([answer.status, answer.end], [200, "clean"], answer.text);
          assert.equal(answer.header("x-cc-relay-account"), "second");
          assert.match(answer.text, stream ? /\[DONE\]/ : /chat\.completion/);
        }
        stage.upstream.on(() => true, behaviour);
        const last = await send(stage.relay.url, cases.chat.request({ stream }));
        assert.ok(last.status === 502 || last.end === "cut", `${last.status} ${last.end} ${last.text}`);
      });
    }
  });
}

const mislabelled: Record<string, Behaviour> = {
  "null under gzip": codedAs("gzip", Buffer.from("null")),
  "a web page under br": codedAs("br", Buffer.from("<!DOCTYPE html><title>Just a moment...</title>")),
  "an error in plain JSON under an unknown coding": {
    body: '{"type":"error","error":{"type":"api_error","message":"no"}}',
    headers: { "content-type": "application/json", "content-encoding": "snappy" },
  },
  "a good answer in plain JSON under zstd": { headers: { "content-encoding": "zstd" } },
  "a gzip that breaks off": codedAs("gzip", gzipSync(start.repeat(50)).subarray(0, 12)),
};

for (const name of ["claude", "gemini", "openai"] as const) {
  for (const [what, behaviour] of Object.entries(mislabelled)) {
    test(`${what} is no answer on the native ${name} route`, async (t) => {
      const dialect = cases[name];
      const stage = await setStage(t, { type: dialect.type });
      const request = () => dialect.request({ headers: ["accept-encoding", "gzip, br, zstd"] });
      stage.upstream.queue("key-of-first", behaviour);
      const answer = await send(stage.relay.url, request());
      assert.deepEqual([answer.status, answer.end], [200, "clean"], answer.text);
      assert.equal(answer.header("x-cc-relay-account"), "second");
      stage.upstream.on(() => true, behaviour);
      const last = await send(stage.relay.url, request());
      assert.deepEqual([last.status, last.header("x-cc-relay-error")], [502, "upstream_invalid"], last.text);
      assert.equal(last.header("content-encoding"), undefined);
    });
  }
}

test("a stream whose coding is damaged after its first bytes is broken off", async (t) => {
  const coded = gzipSync(start + "x".repeat(100_000), { level: 0 });
  coded.fill(0xff, 70_000, 80_000);
  const stage = await setStage(t, { type: "claude-api", ids: ["first"] });
  stage.upstream.queue("key-of-first", {
    ...codedAs("gzip", coded),
    wire: { framing: "chunked", cut: "inside", pauseMs: 30 },
  });
  const answer = await send(
    stage.relay.url,
    cases.claude.request({ stream: true, headers: ["accept-encoding", "gzip"] }),
  );
  assert.ok(answer.status === 502 || answer.end === "cut", `${answer.status} ${answer.end}`);
  assert.equal((await row(stage)).errors, 1);
});

async function askNative(t: TestContext, behaviour: Behaviour) {
  const stage = await setStage(t, { type: "claude-api", ids: ["first"] });
  stage.upstream.queue("key-of-first", behaviour);
  const begun = performance.now();
  const answer = await send(
    stage.relay.url,
    cases.claude.request({ headers: ["accept-encoding", "gzip, br, zstd"] }),
  );
  return { stage, answer, ms: performance.now() - begun };
}

const bombs: readonly [string, Buffer, string][] = [
  ["brotli", bomb, "br"],
  [
    "gzip in gzip in gzip",
    gzipSync(gzipSync(gzipSync(Buffer.alloc(bombBytes), { level: 1 }))),
    "gzip, gzip, gzip",
  ],
  ["zstd", zstdCompressSync(Buffer.alloc(bombBytes)), "zstd"],
];

for (const [what, body, encoding] of bombs) {
  test(`a bomb (${what}) goes to the client untouched and at once, and its usage is unknown`, async (t) => {
    const { stage, answer, ms } = await askNative(t, codedAs(encoding, body));
    assert.deepEqual([answer.status, answer.end], [200, "clean"]);
    assert.deepEqual(answer.body, body);
    assert.ok(ms < patient(1500), `it took ${ms} ms`);
    const { requests, unpriced, costUsd } = await row(stage);
    assert.deepEqual([requests, unpriced, costUsd], [1, 1, undefined]);
    const said = stage.relay.log.filter(({ message }) => message === "usage unknown");
    assert.equal(said.length, 1);
  });
}

test("twenty bombs at once stay within bounds", async (t) => {
  const stage = await setStage(t, { type: "claude-api", ids: ["first"] });
  stage.upstream.on(
    () => true,
    ({ index }) => {
      const [, body, encoding] = bombs[index % bombs.length]!;
      return codedAs(encoding, body);
    },
  );
  const before = process.memoryUsage.rss();
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5);
  const ask = (dialect: (typeof cases)["claude" | "chat"]) =>
    send(stage.relay.url, dialect.request({ headers: ["accept-encoding", "gzip, br, zstd"] })).catch(
      () => undefined,
    );
  await Promise.all(
    Array.from({ length: 20 }, (_, index) => ask(index % 5 === 0 ? cases.chat : cases.claude)),
  );
  clearInterval(watch);
  const grown = (most - before) / mebi;
  assert.ok(grown < 512, `the process grew by ${Math.round(grown)} MiB, and they unfold to 800`);
});

test("an error body that cannot be decoded is classified by its status", async (t) => {
  const { stage, answer } = await askNative(t, {
    ...claudeError(400),
    headers: { "content-encoding": "gzip" },
  });
  assert.equal(answer.status, 400);
  assert.equal((await row(stage)).requests, 1);
});

test("answers that unfold to more than is read of one are no fault of the accounts', however many come", async (t) => {
  const stage = await setStage(t, { type: "claude-api" });
  let isBomb = true;
  stage.upstream.on(() => isBomb, undecodable["a bomb"]!);
  for (let count = 0; count < 4; count++) {
    const refused = await send(stage.relay.url, cases.chat.request({ stream: false }));
    assert.deepEqual([refused.status, refused.header("x-cc-relay-error")], [502, "upstream_invalid"]);
    assert.match(refused.text, /the br body unfolds to .*; ask for less, or for it as a stream\./);
  }
  isBomb = false;
  const next = await send(stage.relay.url, cases.chat.request({ stream: false }));
  assert.equal(next.status, 200, next.text);
});
