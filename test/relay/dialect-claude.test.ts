// The shared suite over Claude Messages on API keys.

import { cases } from "./cases.ts";
import { testDialect } from "./every-dialect.ts";

testDialect(cases.claude);
