// Some of the texts of test/hostile/configuration.hostile.ts.

import { testHostileTexts } from "./hostile-texts.ts";

testHostileTexts({ runs: 100, step: 4, part: 1 / 8 });
