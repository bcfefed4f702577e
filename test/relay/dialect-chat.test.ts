// The shared suite over Chat Completions.

import { cases } from "./cases.ts";
import { testDialect } from "./every-dialect.ts";

testDialect(cases.chat);
