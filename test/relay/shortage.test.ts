// What this machine is short of is no account's fault.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createShortageLog } from "../../src/relay/shortage.ts";
import { createManualTime } from "../support/manual-time.ts";
import { memorySource } from "../support/memory-client.ts";
import { startPipeline } from "../support/pipeline.ts";
import { collectingLog, type LoggedLine } from "../support/relay.ts";
import { shortOf } from "../support/short-of.ts";

const body = {
  model: "claude-opus-5-5",
  max_tokens: 10,
  stream: true,
  messages: [{ role: "user", content: "Hi" }],
};

for (const code of ["EMFILE", "ENFILE", "ENOMEM", "EADDRNOTAVAIL"]) {
  test(`${code} is answered with 503 and retry-after, and touches no account`, async (t) => {
    const { ask, deps, upstream } = await startPipeline(t, ["a", "b"], ({ dispatchers }) => ({
      dispatchers: { ...dispatchers, for: () => shortOf(code) },
    }));
    for (let time = 0; time < 4; time++) {
      const sink = await ask("/v1/messages", memorySource(body));
      assert.equal(sink.head?.status, 503);
      assert.ok(sink.head?.headers.includes("retry-after"));
      assert.match(sink.text, new RegExp(code));
    }
    for (const { cooldowns, streaks } of deps.pool.accounts) assert.equal(cooldowns.size + streaks.size, 0);
    assert.equal(upstream.requests.length, 0);
  });
}

test("a login that cannot be refreshed for want of descriptors is answered with 503, and touches no account", async (t) => {
  const failure = { kind: "shortage", cause: new Error("short of file descriptors (EMFILE)") } as const;
  const { ask, deps } = await startPipeline(t, ["a", "b"], ({ credentials }) => ({
    credentials: { ...credentials, get: async () => ({ ok: false, failure }) },
  }));
  const sink = await ask("/v1/messages", memorySource(body));
  assert.equal(sink.head?.status, 503);
  assert.ok(sink.head?.headers.includes("retry-after"));
  assert.match(sink.text, /EMFILE/);
  for (const { cooldowns, streaks } of deps.pool.accounts) assert.equal(cooldowns.size + streaks.size, 0);
});

test("a shortage is logged once a minute, with how often it was met in between", () => {
  const { timers, advance } = createManualTime();
  const lines: LoggedLine[] = [];
  const shortages = createShortageLog(collectingLog(lines), timers);
  for (let time = 0; time < 5; time++) shortages.report("no descriptors");
  advance(59_999);
  assert.deepEqual(
    lines.map(({ fields }) => fields.count),
    [1],
  );
  advance(1);
  shortages.report("no descriptors");
  shortages.flush();
  assert.deepEqual(
    lines.map(({ fields }) => fields.count),
    [1, 4, 1],
  );
});
