// "Did you mean": the known word nearest to a mistyped one.

/** The nearest of `known`, if few enough letters differ for a slip of the finger; else undefined. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  if (word.length > maxWordLength) return undefined;
  const typed = word.toLowerCase().replaceAll("-", "_");
  let best: { word: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = measure(typed, candidate.toLowerCase().replaceAll("-", "_"));
    if (distance > allowedSlips(candidate)) continue;
    if (best === undefined || distance < best.distance) best = { word: candidate, distance };
  }
  return best?.word;
}

// Bounds the work: a file may hold keys of any length.
const maxWordLength = 64;

function allowedSlips(candidate: string): number {
  if (candidate.length <= 4) return 1;
  return candidate.length <= 8 ? 2 : 3;
}

function measure(typed: string, known: string): number {
  const shorter = Math.min(typed.length, known.length);
  // "warning" for "warn", "max_wait" for "max_wait_seconds": one goes on where the other ends.
  const isBeginning = shorter >= 4 && typed.slice(0, shorter) === known.slice(0, shorter);
  return Math.min(editDistance(typed, known), isBeginning ? 1 : Number.POSITIVE_INFINITY);
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}
