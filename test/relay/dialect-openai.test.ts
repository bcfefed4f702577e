// The shared suite over OpenAI Responses.

import { cases } from "./cases.ts";
import { testDialect } from "./every-dialect.ts";

testDialect(cases.openai);
