// The program that tests start in processes of its own. It is never older than what is tested.

import { join } from "node:path";

/** The sources, or the bundle that `npm test` has made of them, which starts with two thirds of the work. */
export const program = process.env.CC_RELAY_PROGRAM ?? join(import.meta.dirname, "../../src/main.ts");
