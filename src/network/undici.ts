// The part of undici that the relay uses. Its index loads fetch, WebSockets, caches and mocks too, which would be a fifth
// of the relay's start and 13 MiB of its memory.

import { createRequire } from "node:module";
import type undici from "undici";

const require = createRequire(import.meta.url);

// The parser, which undici loads with the first connection: there may be no descriptor left then.
require("undici/lib/llhttp/llhttp_simd-wasm.js");

/** The same classes that undici's index has, from the files that hold them. */
export const core: Pick<typeof undici, "Agent" | "Client" | "Pool" | "buildConnector"> = {
  Agent: require("undici/lib/dispatcher/agent.js"),
  Client: require("undici/lib/dispatcher/client.js"),
  Pool: require("undici/lib/dispatcher/pool.js"),
  buildConnector: require("undici/lib/core/connect.js"),
};
