// The program that tests start in processes of its own. It is never older than what is tested.

import { dirname, join } from "node:path";

const bundle = process.env.CC_RELAY_PROGRAM;

/** The sources, or the bundle that `npm test` has made of them, which starts with two thirds of the work. */
export const program = bundle ?? join(import.meta.dirname, "../../src/main.ts");

/** The same for `serve`, in the form that bin/cc-relay.js chooses for it. */
export const serveProgram = bundle === undefined ? program : join(dirname(bundle), "serve.cjs");
