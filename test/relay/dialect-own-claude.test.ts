// The shared suite over Claude Messages on the client's own login.

import { testDialect } from "./every-dialect.ts";
import { paymentCases } from "./payment-cases.ts";

testDialect(paymentCases.ownClaude);
