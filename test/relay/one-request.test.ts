// No single request takes accounts out, whatever its providers answer: the next ordinary one is served.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Behaviour } from "../support/behaviour.ts";
import { claudeError, claudeFailures } from "../support/claude-script.ts";
import { type ClientRequest, send } from "../support/client.ts";
import { namedRefusal } from "../support/named-refusals.ts";
import { startRelay } from "../support/relay.ts";
import { setStage } from "../support/stage.ts";
import {
  createRandom,
  pick,
  type Random,
  type StrangeFamily,
  strangeFamilies,
  strangeRefusal,
} from "../support/strange.ts";
import { ownKeysGoTo, type StrangeKind, strangeAccounts, withOwnKey } from "../support/strange-accounts.ts";
import { startUpstream } from "../support/upstream.ts";

const seed = 20_261_130;

/** Longer than any cooldown that a refusal begins. */
const untilAllAreBackMs = 2 * 3_600_000;

describe("whatever the accounts answer to one request, the next ordinary one is served", {
  concurrency: 1,
}, () => {
  for (const family of strangeFamilies) {
    const kinds: StrangeKind[] =
      family.name === "chat" ? ["pool", "compatible"] : ["pool", "compatible", "client"];
    for (const kind of kinds) {
      for (const ids of [["only"], ["first", "second"]]) {
        it(`${family.name}, ${ids.length} account${ids.length > 1 ? "s" : ""}, ${kind}`, async (t) => {
          const upstream = await startUpstream({ family: family.name === "chat" ? "claude" : family.name });
          t.after(() => upstream.close());
          const clock = { now: Date.now() };
          const relay = await startRelay({
            accounts: strangeAccounts(ids, { family, kind, url: upstream.url }),
            configure: (config) => ownKeysGoTo(upstream.url, config),
            now: () => clock.now,
          });
          t.after(() => relay.close());
          const random = createRandom(seed);
          const ask = (request: ClientRequest) => send(relay.url, withOwnKey(request, family, kind));
          const { strange, ordinary } = family.models;
          // A host that has never answered well is believed when it says that it has no such endpoint.
          await ask(family.generate(ordinary, false, "first"));
          for (let turn = 0; turn < 60; turn++) {
            // What an earlier turn did to the strange model is over: every account is asked.
            clock.now += 600_000;
            const drawsNamed = turn % 4 === 3;
            const refusal = drawsNamed ? namedRefusal(random, family.name) : unnamedRefusal(random);
            // Compatible hosts send none of the provider's headers with their limits.
            const isNamed = drawsNamed || (kind === "compatible" && refusal.status === 429);
            upstream.on(() => true, refusal);
            const free = turn % 2 === 0 || turn % 8 === 7 ? family.free(strange) : [];
            const billed = [
              family.generate(strange, random() < 0.5, `strange ${turn}`),
              ...embeddings(family, strange),
            ];
            const request = pick(random, [...billed, ...free]);
            await ask(request).catch(() => {});
            upstream.reset();
            // Of the named ones the account is to blame; where every account says so it may be the request, for a minute.
            if (isNamed && billed.includes(request)) clock.now += ids.length > 1 ? 60_000 : untilAllAreBackMs;
            const next = await ask(family.generate(ordinary, false, `turn ${turn}`));
            const shown = `${request.path}: ${refusal.status} ${JSON.stringify(refusal.headers)} ${JSON.stringify(refusal.body).slice(0, 120)}`;
            assert.equal(next.status, 200, `after ${shown}: ${next.text.slice(0, 300)}`);
          }
        });
      }
    }
  }
});

/** Capacity is of one model, and the ordinary request asks for another. */
function unnamedRefusal(random: Random): Behaviour {
  const refusal = strangeRefusal(random);
  return random() < 0.1 ? { ...refusal, status: pick(random, [503, 529]) } : refusal;
}

function embeddings({ name }: StrangeFamily, model: string): ClientRequest[] {
  if (name !== "gemini") return [];
  const content = { parts: [{ text: "embed" }] };
  const path = `/gemini/v1beta/models/${model}`;
  return [
    { path: `${path}:embedContent`, body: { content } },
    {
      path: `${path}:batchEmbedContents`,
      body: { requests: [{ model: `models/${model}`, content }] },
    },
  ];
}

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
