// How many requests come out whole beside an account that is broken in one of many ways: all but those that had begun to answer.

import assert from "node:assert/strict";
import { it } from "node:test";
import type { Behaviour } from "../support/behaviour.ts";
import { claudeError, claudeFailures } from "../support/claude-script.ts";
import { type ClientAnswer, send } from "../support/client.ts";
import { setStage } from "../support/stage.ts";
import { strangeFamilies } from "../support/strange.ts";

const html = { "content-type": "text/html" };

/** Fifteen ways, six requests each. */
const ways: Record<string, Behaviour> = {
  "500": claudeError(500),
  "502 with a page": { status: 502, headers: html, body: "<html>bad gateway</html>" },
  "503 with a page": { status: 503, headers: html, body: "<html>busy</html>" },
  "529": claudeFailures.overloaded(),
  "401": claudeFailures.unauthorized(),
  "403 of a firewall": { status: 403, headers: html, body: "<html>Attention Required!</html>" },
  "a redirect": { status: 302, headers: { location: "https://example.invalid/" }, body: "" },
  "200 with a page": { status: 200, headers: html, body: "<html>sign in</html>" },
  "200 with nothing": { status: 200, body: "" },
  "200 with an error": { status: 200, body: { error: { message: "no" } } },
  "a reset before the answer": { breakOff: { when: "before-headers", how: "rst" } },
  "an error as first event": { firstEvent: { type: "error", error: { type: "api_error", message: "no" } } },
  "no event at all": { cut: { afterEvents: 0, how: "fin" } },
  "a stream without its last event": { events: 6, cut: { afterEvents: 5, how: "clean" } },
  "a stream that breaks": { events: 6, cut: { afterEvents: 5, how: "rst" } },
};

it("beside a broken account 88 of 90 requests come out whole: the two others had begun to answer", async (t) => {
  const [claude] = strangeFamilies;
  const isWhole = ({ status, end, text }: ClientAnswer) =>
    status === 200 && end === "clean" && text.includes("message_stop");
  const lost: string[] = [];
  let whole = 0;
  for (const [way, behaviour] of Object.entries(ways)) {
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
