// The health check of the container image: `node health-check.js [PID]` exits 0 while the relay of this configuration answers, at
// whatever port it was given. The configuration is the one that the container's own process was started with; that is PID 1.

import { readFileSync } from "node:fs";
import { createContext } from "../context.ts";
import { findRelay, lookForRelay } from "../relay-address.ts";

const context = createContext();
context.configFile = configFlagOf(process.argv[2] ?? "1");
const config = await context.loadConfig({ missingVariables: "warning" });
const { kind } = await lookForRelay(await findRelay(context, config));
process.exitCode = kind === "up" ? 0 : 1;

/** `--config FILE` of a process, which may be an init that starts the relay; undefined where it has none. */
function configFlagOf(pid: string): string | undefined {
  if (process.platform !== "linux") return undefined;
  const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  const at = words.findLastIndex((word) => word === "--config" || word.startsWith("--config="));
  const [word, next] = words.slice(at);
  if (at < 0) return undefined;
  return word === "--config" ? next : word?.slice("--config=".length);
}
