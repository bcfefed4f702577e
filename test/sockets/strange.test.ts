// No single frame takes accounts out, whatever providers answer with it: the next request is served.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CreateFault } from "../support/socket-script.ts";
import { createRandom, pick, type Random } from "../support/strange.ts";
import { create, startSocketStage, typesOf } from "./stage.ts";

const messages = [
  "Web search is not enabled for this organization.",
  "You have insufficient permissions for this operation. Missing scopes: model.request.",
  "Something new happened",
  "constructor",
  "",
];
const words = ["permission_error", "of_tomorrow", "constructor", "__proto__", "server_error"];

/** The refusals that blame an account. */
const namedErrors = [
  { type: "invalid_request_error", code: "invalid_api_key", message: "Incorrect API key provided: sk-***" },
  { type: "invalid_request_error", code: "account_deactivated", message: "Your account is deactivated." },
  { type: "invalid_request_error", code: "token_revoked", message: "The token was revoked." },
];

/** Statuses that blame an account, or the provider's capacity, whatever is said beside them. */
const named: ReadonlySet<number> = new Set([402, 429, 503, 529]);

function strangeFault(random: Random): CreateFault {
  let status = 400 + Math.floor(random() * 200);
  while (named.has(status)) status = 400 + Math.floor(random() * 200);
  const error = { type: pick(random, words), code: pick(random, words), message: pick(random, messages) };
  return pick<CreateFault>(random, [
    { kind: "error", status, error },
    { kind: "failed", code: pick(random, words), after: Math.floor(random() * 3) },
    { kind: "close", code: pick(random, [1000, 1008, 1011, 1012, 4000, undefined]), after: 1 },
    { kind: "binary" },
    {
      kind: "frame",
      text: pick(random, [
        "",
        "null",
        "[]",
        "{}",
        "<html>no</html>",
        '{"type":"of_tomorrow"}',
        "[".repeat(5000),
      ]),
    },
  ]);
}

for (const ids of [["a"], ["a", "b"]]) {
  test(`whatever answers one request over a socket, the next one is served (${ids.length})`, async (t) => {
    const clock = { now: Date.now() };
    const { script, connect } = await startSocketStage(t, { ids, now: () => clock.now });
    const random = createRandom(20_261_130);
    for (let turn = 0; turn < 40; turn++) {
      clock.now += 600_000;
      const isNamed = turn % 5 === 4;
      const draw = (): CreateFault =>
        isNamed ? { kind: "error", status: 401, error: pick(random, namedErrors) } : strangeFault(random);
      const faults = Object.fromEntries(ids.map((id) => [id, draw()]));
      script.faultOf = ({ credential }) => faults[credential.replace("key-of-", "")];
      const strange = await connect();
      await strange.ask(create({ input: `strange ${turn}` }));
      strange.socket.terminate();
      script.faultOf = undefined;
      // The account is to blame; where every account says so it may be the request, for a minute.
      if (isNamed) clock.now += ids.length > 1 ? 60_000 : 3_600_000;
      const next = await connect();
      const frames = await next.ask(create({ input: `ordinary ${turn}` }));
      assert.equal(
        typesOf(frames).at(-1),
        "response.completed",
        JSON.stringify({ turn, faults, frames }).slice(0, 800),
      );
      next.socket.terminate();
    }
  });
}
