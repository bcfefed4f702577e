// Attempts to make each credential leave for another host: redirects, names of hosts in headers, paths and models, credentials at the wrong
// API. `node test/hostile/credentials.hostile.ts [--short] [--attempts N] [--seed N]`.

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { tryEscapes } from "../support/escape-attempts.ts";

const { values: flags } = parseArgs({
  options: { short: { type: "boolean" }, attempts: { type: "string" }, seed: { type: "string" } },
});
const attempts = Number(flags.attempts ?? (flags.short ? 1000 : 20_000));
const seen = await tryEscapes({ attempts, seed: Number(flags.seed ?? 1) });
assert.deepEqual(
  [...seen].filter(([, times]) => times === 0),
  [],
);
const sent = [...seen.values()].reduce((sum, times) => sum + times, 0);
process.stdout.write(
  `${attempts} attempts: ${seen.size} credentials went out ${sent} times, none to another host\n`,
);
