// The shared suite over Claude Messages on logins.

import { cases } from "./cases.ts";
import { testDialect } from "./every-dialect.ts";

testDialect(cases.claudeLogin);
