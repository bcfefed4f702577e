// The shared suite over OpenAI Responses on the client's own ChatGPT login.

import { testDialect } from "./every-dialect.ts";
import { paymentCases } from "./payment-cases.ts";

testDialect(paymentCases.ownChatGpt);
