// The shared suite over Code Assist's own API on the client's own Google login.

import { testDialect } from "./every-dialect.ts";
import { paymentCases } from "./payment-cases.ts";

testDialect(paymentCases.ownGoogle);
