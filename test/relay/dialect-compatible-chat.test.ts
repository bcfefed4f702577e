// The shared suite over Chat Completions at compatible hosts.

import { testDialect } from "./every-dialect.ts";
import { paymentCases } from "./payment-cases.ts";

testDialect(paymentCases.compatibleChat);
