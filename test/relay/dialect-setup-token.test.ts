// The shared suite over Claude Messages on setup tokens.

import { testDialect } from "./every-dialect.ts";
import { paymentCases } from "./payment-cases.ts";

testDialect(paymentCases.setupToken);
