// All mutations, and whether each fits the source as it is.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { accountMutations } from "./accounts.ts";
import { dialectMutations } from "./dialects.ts";
import { describeMutation, type Mutation } from "./mutation.ts";
import { relayMutations } from "./relay.ts";
import { socketMutations } from "./sockets.ts";
import { upstreamMutations } from "./upstreams.ts";
import { usageMutations } from "./usage.ts";
import { watchingMutations } from "./watching.ts";

/** The list may grow, but not shrink unnoticed. */
const minMutations = 142;

export const mutations: readonly Mutation[] = [
  ...accountMutations,
  ...upstreamMutations,
  ...usageMutations,
  ...dialectMutations,
  ...relayMutations,
  ...socketMutations,
  ...watchingMutations,
];

/** What is wrong with the list, a sentence each: a text that is not in its file, or not once; too few mutations. */
export function misfits(): string[] {
  const found = mutations.map((mutation) => ({ mutation, count: countOf(mutation) }));
  const wrong = found
    .filter(({ count }) => count !== 1)
    .map(
      ({ mutation, count }) =>
        `${describeMutation(mutation)}: its text occurs ${count} times in the file, not once`,
    );
  if (mutations.length < minMutations)
    wrong.push(`${mutations.length} mutations are left, there were ${minMutations}`);
  return wrong;
}

function countOf({ file, from }: Mutation): number {
  return readFileSync(join(import.meta.dirname, "../../src", file), "utf8").split(from).length - 1;
}
