// `npm run test:soak`: everything here, one after another. `--short` is the form for every day: less of it, and all at once.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { runSuites } from "../support/suites.ts";

const flags = process.argv.slice(2);
const scripts = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".ts") && name !== "run.ts")
  .sort()
  .map((name) => join(import.meta.dirname, name));

await runSuites(scripts, { flags, together: flags.includes("--short") ? scripts.length : 1 });
