// Configuration files of every wrong kind: a configuration or a ConfigError, never a crash, and never a value in the message.
// `node test/hostile/configuration.hostile.ts [--short]`.

import { testHostileTexts } from "../config/hostile-texts.ts";

const isShort = process.argv.includes("--short");

testHostileTexts(isShort ? { runs: 100, step: 4, part: 1 / 8 } : { runs: 5000, step: 1, part: 1 });
