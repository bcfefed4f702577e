// A request's body is let go once its answer is decided: open streams must not keep conversations of megabytes in memory.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { open } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { cases } from "./cases.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const mebi = 1024 * 1024;

for (const dialect of [cases.claude, cases.chat]) {
  test(`ten open streams do not keep their bodies of 4 MB (${dialect.name})`, async (t) => {
    const { upstream, relay } = await setStage(t, { type: "claude-api", ids: ["first"] });
    upstream.on(() => true, { gate: (event) => (event >= 2 ? new Promise(() => {}) : undefined) });
    const held = async () => {
      for (const request of upstream.requests)
        Object.assign(request, { body: Buffer.alloc(0), json: undefined });
      for (let round = 0; round < 5; round++) {
        collectGarbage();
        await sleep(50);
      }
      return process.memoryUsage().arrayBuffers / mebi;
    };
    const before = await held();
    const answers = [];
    for (let index = 0; index < 10; index++) {
      const request = dialect.request({ text: "x".repeat(4 * mebi), session: `s${index}` });
      const answer = await open(relay.url, request);
      await answer.read();
      answers.push(answer);
    }
    const grown = (await held()) - before;
    for (const answer of answers) answer.abort();
    assert.ok(grown < 16, `${Math.round(grown)} MiB are held`);
  });
}
