// The answers that are open. An array, not a Set: a Set that things come to and go from all the time leaves tables behind that hold
// each other and what was in them, and every request would live until the whole heap is collected.

import type { ServerResponse } from "node:http";

export interface OpenAnswers {
  readonly size: number;
  /** Returns what `remove` takes. */
  add(response: ServerResponse): OpenAnswer;
  remove(open: OpenAnswer): void;
  [Symbol.iterator](): Iterator<OpenAnswer>;
}

export interface OpenAnswer {
  readonly response: ServerResponse;
  /** Its place. */
  at: number;
}

export function createOpenAnswers(): OpenAnswers {
  const open: OpenAnswer[] = [];
  return {
    get size() {
      return open.length;
    },
    add(response) {
      const added = { response, at: open.length };
      open.push(added);
      return added;
    },
    remove(removed) {
      const last = open.pop()!;
      if (last === removed) return;
      open[removed.at] = last;
      last.at = removed.at;
    },
    [Symbol.iterator]: () => open.slice()[Symbol.iterator](),
  };
}
