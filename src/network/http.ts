// Loads Node's HTTP modules with `require`: `import` reads everything they export, and one of their getters
// loads fetch and WebSocket, which are 10 ms of the relay's start and 3 MiB of its memory.

import type * as nodeHttp from "node:http";
import type * as nodeHttps from "node:https";

export const http: typeof nodeHttp = process.getBuiltinModule("node:http");

/** Loads TLS, too, which most commands do without. */
export function loadHttps(): typeof nodeHttps {
  return process.getBuiltinModule("node:https");
}
