// No single request takes accounts out, whatever its providers answer: the next ordinary one is served.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { claudeError, claudeFailures } from "../support/claude-script.ts";
import { type ClientRequest, send } from "../support/client.ts";
import { startRelay } from "../support/relay.ts";
import { setStage } from "../support/stage.ts";
import {
  createRandom,
  pick,
  type StrangeFamily,
  strangeFamilies,
  strangeRefusal,
} from "../support/strange.ts";
import { ownKeysGoTo, type StrangeKind, strangeAccounts, withOwnKey } from "../support/strange-accounts.ts";
import { startUpstream } from "../support/upstream.ts";

const seed = 20_261_130;

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
          const relay = await startRelay({
            accounts: strangeAccounts(ids, { family, kind, url: upstream.url }),
            configure: (config) => ownKeysGoTo(upstream.url, config),
          });
          t.after(() => relay.close());
          const random = createRandom(seed);
          const ask = (request: ClientRequest) => send(relay.url, withOwnKey(request, family, kind));
          // A host that has never answered well is believed when it says that it has no such endpoint.
          await ask(family.generate(family.models.ordinary, false, "first"));
          for (let turn = 0; turn < 60; turn++) {
            const refusal = strangeRefusal(random);
            upstream.on(() => true, refusal);
            const { strange, ordinary } = family.models;
            const requests = [
              family.generate(strange, random() < 0.5, `strange ${turn}`),
              ...(turn % 2 === 0 ? family.free(strange) : []),
              ...embeddings(family, strange),
            ];
            const request = pick(random, requests);
            await ask(request).catch(() => {});
            upstream.reset();
            const next = await ask(family.generate(ordinary, false, `turn ${turn}`));
            const shown = `${request.path}: ${refusal.status} ${JSON.stringify(refusal.headers)} ${String(refusal.body).slice(0, 80)}`;
            assert.equal(next.status, 200, `after ${shown}: ${next.text.slice(0, 300)}`);
            upstream.reset();
          }
        });
      }
    }
  }
});

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
