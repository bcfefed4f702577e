// What one refused request may do to its accounts, for every kind of account and in greater number than in `npm test`.

import { afterRefusals, nameOfPlace, refusalPlaces } from "../relay/refusals-drawn.ts";
import { withCleanups } from "../support/cleanups.ts";

/** What does not hold, and a line for the summary. */
export async function refusals({
  short,
  seed,
}: {
  short: boolean;
  seed: number;
}): Promise<{ faults: string[]; summary: string }> {
  const turns = short ? 12 : 600;
  const faults: string[] = [];
  for (const [index, place] of refusalPlaces.entries()) {
    const found = await withCleanups((t) => afterRefusals(t, place, { turns, seed: seed + index }));
    faults.push(...found.map((fault) => `${nameOfPlace(place)}: ${fault}`));
  }
  return {
    faults,
    summary: `after ${turns} refusals each an ordinary request, on ${refusalPlaces.length} kinds of accounts`,
  };
}
