// `npm run test:hostile`: peers, pages, files and clocks that mean no good, one suite (`*.hostile.ts`) after another. `--short` is the
// form for every day: less of it, and as many at a time as there are cores. Other arguments choose suites by their names.

import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { runSuites } from "../support/suites.ts";

const flags = process.argv.slice(2).filter((word) => word.startsWith("--"));
const chosen = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const suites = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".hostile.ts"))
  .filter((name) => chosen.length === 0 || chosen.some((word) => name.includes(word)))
  .sort()
  .map((name) => join(import.meta.dirname, name));

/** Waits most of the time: for a quarter of an hour in the long form. */
const isPatient = (suite: string) => suite.endsWith("clients.hostile.ts");
const busy = suites.filter((suite) => !isPatient(suite));

await Promise.all([
  runSuites(suites.filter(isPatient), { flags, together: 1 }),
  runSuites(busy, { flags, together: flags.includes("--short") ? availableParallelism() : 1 }),
]);
