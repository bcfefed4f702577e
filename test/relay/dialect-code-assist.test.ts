// The shared suite over the public Gemini API on Code Assist logins.

import { cases } from "./cases.ts";
import { testDialect } from "./every-dialect.ts";

testDialect(cases.codeAssist);
