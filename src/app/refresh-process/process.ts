// The entry of the detached refresh process: `node process.js`, spoken to over its IPC channel.
//
// A provider that rotates sends the new refresh token once. A relay that is killed after the provider has answered and before
// the answer is on the disk would lose the login; this process does nothing else, and nobody has a reason to kill it.

import { enableCompileCache } from "node:module";
import type { RefreshReport } from "./messages.ts";

// A service manager that stops the relay signals everything the relay has started.
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => {});

enableCompileCache();
const service = import("./service.ts").then(({ createRefreshService }) =>
  createRefreshService({
    report,
    end: () => {
      if (process.connected) process.disconnect();
    },
  }),
);
process.on("message", async (message) => (await service).carryOut(message));
process.on("disconnect", async () => (await service).abandon());

/** Resolves when it is sent. A relay that is gone hears nothing, and is no reason to stop. */
function report(message: RefreshReport): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}
