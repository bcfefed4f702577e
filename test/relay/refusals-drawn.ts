// Refusals drawn at random, one after another, each followed by an ordinary request: the accounts that it needs are still there.

import type { TestContext } from "node:test";
import type { Behaviour } from "../support/behaviour.ts";
import { type ClientRequest, send } from "../support/client.ts";
import { namedRefusal } from "../support/named-refusals.ts";
import { startRelay } from "../support/relay.ts";
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

/** Longer than any cooldown that a refusal begins. */
const untilAllAreBackMs = 2 * 3_600_000;

export interface RefusalPlace {
  family: StrangeFamily;
  kind: StrangeKind;
  /** Of the accounts. */
  ids: readonly string[];
}

export const refusalPlaces: readonly RefusalPlace[] = strangeFamilies.flatMap((family) => {
  const kinds: StrangeKind[] =
    family.name === "chat" ? ["pool", "compatible"] : ["pool", "compatible", "client"];
  return kinds.flatMap((kind) => [["only"], ["first", "second"]].map((ids) => ({ family, kind, ids })));
});

export function nameOfPlace({ family, kind, ids }: RefusalPlace): string {
  return `${family.name}, ${ids.length} account${ids.length > 1 ? "s" : ""}, ${kind}`;
}

/** Returns what was not served, and after which refusal. */
export async function afterRefusals(
  t: Pick<TestContext, "after">,
  { family, kind, ids }: RefusalPlace,
  { turns, seed }: { turns: number; seed: number },
): Promise<string[]> {
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
  const faults: string[] = [];
  // A host that has never answered well is believed when it says that it has no such endpoint.
  await ask(family.generate(ordinary, false, "first"));
  for (let turn = 0; turn < turns; turn++) {
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
    if (next.status === 200) continue;
    const { status, headers, body } = refusal;
    const shown = `${request.path}: ${status} ${JSON.stringify(headers)} ${JSON.stringify(body).slice(0, 120)}`;
    faults.push(`seed ${seed}, turn ${turn}, after ${shown}: ${next.status} ${next.text.slice(0, 300)}`);
  }
  return faults;
}

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
