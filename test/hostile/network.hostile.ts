// Good answers over every kind of network, in every dialect: all codings, framings, cuts, pauses of 0 to 6 s, fast and slow readers.
// `node test/hostile/network.hostile.ts [--short]`.

import { accountsOf, cases } from "../relay/cases.ts";
import { assertEveryWire, wireCases } from "../relay/every-wire.ts";
import { startRelay } from "../support/relay.ts";
import { startUpstream } from "../support/upstream.ts";

const isShort = process.argv.includes("--short");
const wires = isShort ? wireCases([0], "pairs") : wireCases([0, 100, 6000], "all");
const { claude, gemini, openai, chat } = cases;

for (const dialect of [claude, gemini, openai, chat]) {
  const upstream = await startUpstream({ family: dialect.family });
  const relay = await startRelay({ accounts: accountsOf(dialect, { url: upstream.url }) });
  await assertEveryWire(dialect, { upstream, relay }, wires);
  await relay.close();
  await upstream.close();
  process.stdout.write(`${dialect.name}: ${wires.length} answers\n`);
}
