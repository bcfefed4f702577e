// How many requests come out whole beside an account that is broken in one of many ways: all but those that had begun to answer.
// `npm run test:unforeseen` counts on every route.

import assert from "node:assert/strict";
import { it } from "node:test";
import { brokenAccounts } from "../support/broken-accounts.ts";
import { type ClientAnswer, send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { strangeFamilies } from "../support/strange.ts";

it("beside a broken account 88 of 90 requests come out whole: the two others had begun to answer", async (t) => {
  const [claude] = strangeFamilies;
  const isWhole = ({ status, end, text }: ClientAnswer) =>
    status === 200 && end === "clean" && text.includes("message_stop");
  const lost: string[] = [];
  let whole = 0;
  for (const [way, behaviour] of Object.entries(brokenAccounts("claude"))) {
    const { upstream, relay } = await setStage(t, { ids: ["broken", "good"] });
    upstream.on("key-of-broken", behaviour);
    for (let turn = 0; turn < 6; turn++) {
      const request = claude!.generate("claude-opus-5-5", true, `${way} ${turn}`);
      const answer = await send(relay.url, request).catch(() => undefined);
      if (answer && isWhole(answer)) whole++;
      else lost.push(`${way}, request ${turn + 1}`);
    }
  }
  assert.deepEqual(lost, ["a stream without its last event, request 1", "a stream that breaks, request 1"]);
  assert.equal(whole, 88);
});
