// The shared suite over Code Assist's own API on its logins.

import { cases } from "./cases.ts";
import { testDialect } from "./every-dialect.ts";

testDialect(cases.codeAssistOwn);
