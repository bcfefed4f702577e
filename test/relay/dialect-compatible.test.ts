// The shared suite over Claude Messages at compatible hosts.

import { testDialect } from "./every-dialect.ts";
import { paymentCases } from "./payment-cases.ts";

testDialect(paymentCases.compatible);
