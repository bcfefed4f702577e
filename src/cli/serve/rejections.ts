// Keeps the relay up when a promise rejects that nobody listens to: it costs one log line, not every open stream.

import type { Log } from "../../telemetry/log.ts";

/** Returns a function that ends it. What is thrown outside of promises ends the process as ever. */
export function logRejections(log: Log): () => void {
  const report = (reason: unknown) => {
    log.error({ err: reason instanceof Error ? reason.stack : String(reason) }, "unhandled rejection");
  };
  process.on("unhandledRejection", report);
  return () => void process.off("unhandledRejection", report);
}
