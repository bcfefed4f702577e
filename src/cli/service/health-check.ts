// The health check of the container image: `node health-check.js` exits 0 while the relay of this configuration answers, at
// whatever port it was given.

import { createContext } from "../context.ts";
import { findRelay, lookForRelay } from "../relay-address.ts";

const context = createContext();
const config = await context.loadConfig({ missingVariables: "warning" });
const { kind } = await lookForRelay(await findRelay(context, config));
process.exitCode = kind === "up" ? 0 : 1;
