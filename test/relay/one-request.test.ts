// No single request takes accounts out, whatever its providers answer: the next ordinary one is served.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { claudeError, claudeFailures } from "../support/claude-script.ts";
import { send } from "../support/client.ts";
import { draws } from "../support/draws.ts";
import { setStage } from "../support/stage.ts";
import { strangeFamilies } from "../support/strange.ts";
import { afterRefusals, nameOfPlace, refusalPlaces } from "./refusals-drawn.ts";

/** Many more are drawn in test/unforeseen/refusals.ts, also in its short form. */
const turns = draws(8);

describe("whatever the accounts answer to one request, the next ordinary one is served", {
  concurrency: 1,
}, () => {
  for (const [index, place] of refusalPlaces.entries()) {
    it(nameOfPlace(place), async (t) => {
      assert.deepEqual(await afterRefusals(t, place, { turns, seed: 20_261_130 + index }), []);
    });
  }
});

it("one request with a disabled tool puts no account out, and its answer is the provider's", async (t) => {
  const { upstream, relay, servedBy } = await setStage(t, { ids: ["first", "second", "third"] });
  const message = "web search is not enabled for this organization";
  upstream.on({ model: "claude-sonnet-5-5" }, claudeError(403, { message }));
  const [claude] = strangeFamilies;
  const refused = await send(relay.url, claude!.generate("claude-sonnet-5-5", false, "search"));
  assert.deepEqual([refused.status, servedBy()], [403, ["first", "second"]]);
  assert.match(refused.text, new RegExp(message));
  assert.deepEqual(await relay.store.accounts.cooldowns(), []);
});

it("a credential that every account is refused with at once is tried again after a minute", async (t) => {
  const clock = { now: Date.now() };
  const { upstream, relay } = await setStage(t, { now: () => clock.now });
  upstream.on(() => true, claudeFailures.unauthorized());
  const [claude] = strangeFamilies;
  const ask = (text: string) => send(relay.url, claude!.generate("claude-opus-5-5", false, text));
  assert.equal((await ask("one")).status, 503);
  upstream.reset();
  assert.equal((await ask("two")).status, 503);
  clock.now += 60_000;
  assert.equal((await ask("three")).status, 200);
});
