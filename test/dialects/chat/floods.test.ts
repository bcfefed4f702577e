// Requests made to cost time or memory: refused or converted, and without delay.

import assert from "node:assert/strict";
import test from "node:test";
import { RelayError } from "../../../src/domain/errors.ts";
import { patient } from "../../support/patience.ts";
import { silenceDuring } from "../../support/thread-time.ts";
import { floods } from "./flood-bodies.ts";
import { chat, chatCall, readOrRefuse } from "./support.ts";

for (const [title, body, converts] of floods) {
  test(`${title}: ${converts ? "converted" : "an invalid_request"}, without delay`, {
    timeout: patient(5000),
  }, async () => {
    const text = body();
    readOrRefuse(text);
    const bytes = Buffer.from(text);
    const convert = async () => chat.convert!(chatCall(bytes));
    const first = await silenceDuring(convert);
    // Once more where the collector may have cleared up after other tests of this process meanwhile.
    const { result, silenceMs } = first.silenceMs < 100 ? first : await silenceDuring(convert);
    assert.ok(silenceMs < 100, `the loop was silent for ${silenceMs} ms`);
    if (converts) return assert.equal(result instanceof RelayError, false, String(result));
    assert.ok(result instanceof RelayError && result.code === "invalid_request", String(result));
    assert.ok(result.message.length < 1000);
  });
}
