// The shared suite over Gemini on API keys.

import { cases } from "./cases.ts";
import { testDialect } from "./every-dialect.ts";

testDialect(cases.gemini);
