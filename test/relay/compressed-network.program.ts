// A compressed answer whose chunks come in several pieces of the network: it comes through, and the relay answers others meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Behaviour } from "../support/behaviour.ts";
import { send } from "../support/client.ts";
import { claudeAccounts, createServeFolder } from "../support/serve-process.ts";
import { startUpstream } from "../support/upstream.ts";
import type { Framing } from "../support/wire.ts";
import { dialectCases } from "./cases.ts";

const claude = dialectCases[0]!;

const shapes: readonly [NonNullable<Behaviour["encoding"]>, Framing, boolean][] = [
  ["gzip", "length", true],
  ["gzip", "length", true],
  ["gzip", "chunked", true],
  ["gzip", "close", false],
  ["br", "chunked", true],
  ["zstd", "length", false],
];

// The relay is a process of its own: what it must not do is stop for ever.
test("one chunk in two pieces, 100 ms apart, neither stops the relay nor changes a byte", async (t) => {
  const upstream = await startUpstream();
  t.after(() => upstream.close());
  const folder = await createServeFolder(t);
  await folder.configure(claudeAccounts(upstream.url, ["a"]));
  const relay = await folder.start();
  // One after another: with others under way the network may deliver otherwise.
  const askAll = async () => {
    for (const [encoding, framing, stream] of shapes) {
      upstream.queue("key-of-a", { encoding, wire: { framing, cut: "inside", pauseMs: 100 } });
      const request = claude.request({ stream, headers: ["accept-encoding", encoding] });
      const answer = await send(relay.url, request);
      assert.deepEqual([answer.status, answer.end], [200, "clean"]);
      assert.deepEqual(answer.body, upstream.requests.at(-1)!.sentBody);
    }
    return "answered";
  };
  assert.equal(await Promise.race([askAll(), sleep(20_000, "nothing came", { ref: false })]), "answered");
  assert.equal((await send(relay.url, { path: "/health" })).status, 200);
});
