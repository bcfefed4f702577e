// The files of undici that hold what the relay uses of it: the bundle takes them in place of undici's index, which loads fetch, WebSockets,
// caches and mocks as well. With the index the bundle is 268 KB larger, takes 35 ms more of the processor to start, and 4 MiB more memory.
// The files are not undici's public face, and a new version may move them: the sources import the index, and a test compares both.

export const undiciFiles = {
  Agent: "undici/lib/dispatcher/agent.js",
  Client: "undici/lib/dispatcher/client.js",
  Pool: "undici/lib/dispatcher/pool.js",
  buildConnector: "undici/lib/core/connect.js",
} as const;
