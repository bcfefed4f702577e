// The few network forms that `npm test` tries stand for all of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Extent, type WireCase, wireCases } from "./every-wire.ts";

test("every two values of two properties meet in the short list of network forms", () => {
  for (const pausesMs of [[0, 100], [6000]]) {
    const pairs = (extent: Extent) => new Set(wireCases(pausesMs, extent).flatMap(pairsIn));
    assert.deepEqual(pairs("pairs"), pairs("all"));
  }
});

test("every value of every property is in the shortest list of network forms", () => {
  for (const pausesMs of [[0, 100], [6000]]) {
    const values = (extent: Extent) => new Set(wireCases(pausesMs, extent).flatMap(valuesIn));
    assert.deepEqual(values("each"), values("all"));
  }
});

function valuesIn({ wire: { framing, cut, pauseMs }, ...rest }: WireCase): string[] {
  return Object.entries({ framing, cut, pauseMs, ...rest }).map(([name, value]) => `${name} ${value}`);
}

function pairsIn(wire: WireCase): string[] {
  const values = valuesIn(wire);
  return values.flatMap((one) => values.map((other) => `${one}, ${other}`));
}
