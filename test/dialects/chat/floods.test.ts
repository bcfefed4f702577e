// Requests made to cost time or memory: refused or converted, and without delay.

import assert from "node:assert/strict";
import test from "node:test";
import { RelayError } from "../../../src/domain/errors.ts";
import { patient } from "../../support/patience.ts";
import { silenceDuring } from "../../support/thread-time.ts";
import { floodsOf } from "./flood-bodies.ts";
import { chat, chatCall, readOrRefuse } from "./support.ts";

/** The whole of them goes through a relay in test/hostile/loop.hostile.ts. */
const part = 1 / 8;
/** To convert such a part on the loop takes longer, and all of it more than 100 ms; what is left is the collector's. */
const maxSilenceMs = 25;

for (const [title, body, converts] of floodsOf(part)) {
  test(`an eighth of ${title}: ${converts ? "converted" : "an invalid_request"}, without delay`, {
    timeout: patient(5000),
  }, async () => {
    const text = body();
    readOrRefuse(text);
    const bytes = Buffer.from(text);
    let { result, silenceMs } = await silenceDuring(convert);
    // Again where the collector may have cleared up after other tests of this process meanwhile.
    for (let tries = 1; tries < 8 && silenceMs >= maxSilenceMs; tries++)
      ({ result, silenceMs } = await silenceDuring(convert));
    assert.ok(silenceMs < maxSilenceMs, `the loop was silent for ${silenceMs} ms`);
    if (converts) return assert.equal(result instanceof RelayError, false, String(result));
    assert.ok(result instanceof RelayError && result.code === "invalid_request", String(result));
    assert.ok(result.message.length < 1000);

    async function convert() {
      return await chat.convert!(chatCall(bytes));
    }
  });
}
