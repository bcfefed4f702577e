// The few network forms that `npm test` tries stand for all of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type WireCase, wireCases } from "./every-wire.ts";

test("every two values of two properties meet in the short list of network forms", () => {
  for (const pausesMs of [[0, 100], [6000]]) {
    const pairs = (all: boolean) => new Set(wireCases({ pausesMs, all }).flatMap(pairsIn));
    assert.deepEqual(pairs(false), pairs(true));
  }
});

function pairsIn({ wire: { framing, cut, pauseMs }, ...rest }: WireCase): string[] {
  const values = Object.entries({ framing, cut, pauseMs, ...rest }).map(
    ([name, value]) => `${name} ${value}`,
  );
  return values.flatMap((one) => values.map((other) => `${one}, ${other}`));
}
