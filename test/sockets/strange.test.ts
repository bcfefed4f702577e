// No single frame takes accounts out, whatever providers answer with it: the next request is served.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CreateFault } from "../support/socket-script.ts";
import { createRandom, pick, type Random } from "../support/strange.ts";
import { create, startSocketStage, typesOf, usageLimit } from "./stage.ts";

const messages = [
  "Web search is not enabled for this organization.",
  "You have insufficient permissions for this operation. Missing scopes: model.request.",
  "Something new happened",
  "constructor",
  "",
];
const words = ["permission_error", "of_tomorrow", "constructor", "__proto__", "server_error"];

const refusal = (status: number, code: string, message: string): CreateFault => ({
  kind: "error",
  status,
  error: { type: "invalid_request_error", code, message },
});

/** What blames an account, and for how long where one account says so, and where all do. */
const namedFaults: readonly { faults: readonly CreateFault[]; oneMs: number; allMs: number }[] = [
  {
    faults: [
      refusal(401, "invalid_api_key", "Incorrect API key provided: sk-***"),
      refusal(401, "account_deactivated", "Your account is deactivated."),
      refusal(401, "token_revoked", "The token was revoked."),
      refusal(402, "billing_not_active", "Your account is not active, please check your billing details."),
    ],
    oneMs: 3_600_000,
    // It may be the request.
    allMs: 60_000,
  },
  { faults: [usageLimit(900)], oneMs: 900_000, allMs: 900_000 },
  {
    faults: [503, 529].map((status) => refusal(status, "server_is_overloaded", "full")),
    oneMs: 300_000,
    allMs: 300_000,
  },
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
    const { script, connect } = await startSocketStage(t, { ids, now: () => clock.now, holdBackMs: 50 });
    const random = createRandom(20_261_130);
    for (let turn = 0; turn < 40; turn++) {
      clock.now += 600_000;
      const named = turn % 5 === 4 ? namedFaults[Math.floor(turn / 5) % namedFaults.length] : undefined;
      const draw = (): CreateFault => (named ? pick(random, named.faults) : strangeFault(random));
      const faults = Object.fromEntries(ids.map((id) => [id, draw()]));
      script.faultOf = ({ credential }) => faults[credential.replace("key-of-", "")];
      const strange = await connect();
      await strange.ask(create({ input: `strange ${turn}` }));
      strange.socket.terminate();
      script.faultOf = undefined;
      if (named) clock.now += ids.length > 1 ? named.allMs : named.oneMs;
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
