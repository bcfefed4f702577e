import { createMadeHarness } from "./harness.ts";
import { storeSuite } from "./suite.ts";

storeSuite("SQLite store", createMadeHarness);
