// Faults in what is carried over WebSockets: accounts left too often or never again, limits shown and hidden, peers without a bound.

import type { Mutation } from "./mutation.ts";

const continuations = "sockets/continuations.test.ts";
const faults = "sockets/faults.test.ts";
const dialling = "sockets/dialling.test.ts";
const peers = "sockets/peers.test.ts";

export const socketMutations: readonly Mutation[] = [
  {
    file: "sockets/connection.ts",
    from: "if (this.#isEncrypted && account.config.enabled) return false;",
    to: "",
    tests: continuations,
    only: "reasoning",
  },
  {
    file: "sockets/connection.ts",
    from: "this.#isEncrypted ||= answer?.encrypted !== undefined;",
    to: "",
    tests: continuations,
    only: "its account encrypted",
  },
  {
    file: "sockets/connection.ts",
    from: "received.hasEncrypted || (received.isContinuation && this.#isEncrypted)",
    to: "received.hasEncrypted || this.#isEncrypted",
    tests: continuations,
    only: "a conversation without it",
  },
  {
    file: "sockets/connection.ts",
    from: "this.#options.departures.forget(sessionKey);",
    to: "return;",
    tests: faults,
    only: "may be left again",
  },
  {
    file: "sockets/upstream-line.ts",
    from: "return lost();",
    to: "{}",
    tests: continuations,
    only: "sent over no other",
  },
  {
    file: "sockets/departures.ts",
    from: "left.get(session)?.has(accountId) === true",
    to: "false",
    tests: faults,
    only: "left once only",
  },
  {
    file: "sockets/connection.ts",
    from: "if (isBinary) return this.#close(closeCodes.tooBig);",
    to: "",
    tests: "sockets/life.test.ts",
    only: "a binary one",
  },
  {
    file: "relay/end-failover.ts",
    from: '{ param: "previous_response_id", isMove: true }',
    to: '{ param: "previous_response_id" }',
    tests: continuations,
    only: "has one row",
  },
  {
    file: "sockets/frame-socket.ts",
    from: "if (protocol.hidesLimits) return;",
    to: "return;",
    tests: dialling,
    only: "own limits",
  },
  {
    file: "upstreams/openai-frames.ts",
    from: "hidesLimits: true",
    to: "hidesLimits: false",
    tests: faults,
    only: "kept from the client",
  },
  {
    file: "sockets/frame-socket.ts",
    from: "this.#closeCode ?? code",
    to: "code",
    tests: peers,
    only: "only once it is inflated",
  },
  {
    file: "sockets/endpoints.ts",
    from: "const rememberedMs = 86_400_000;",
    to: "const rememberedMs = 80_000_000;",
    tests: dialling,
    only: "after a day",
  },
  {
    file: "sockets/sockets.ts",
    from: "openingTimeoutMs: 12_000",
    to: "openingTimeoutMs: 15_000",
    tests: dialling,
    only: "12 s",
  },
  {
    file: "sockets/sockets.ts",
    from: "retireAfterMs: 55 * 60_000",
    to: "retireAfterMs: 60 * 60_000",
    tests: "sockets/life.test.ts",
    only: "when it is old",
  },
  {
    file: "sockets/sockets.ts",
    from: "count >= limits.maxPerClient",
    to: "count > limits.maxPerClient",
    tests: peers,
    only: "so many sockets",
  },
  {
    file: "sockets/socket-sink.ts",
    from: "onStall: () => client.terminate()",
    to: "onStall: () => {}",
    tests: peers,
    only: "reads nothing holds",
  },
  {
    file: "network/web-socket.ts",
    from: " && socket.bufferedAmount < maxPongBytes",
    to: "",
    tests: "network/web-socket.test.ts",
  },
  {
    file: "network/deflate.ts",
    from: "...(end > 0 && {",
    to: "...(end < 0 && {",
    tests: "network/deflate.test.ts",
    only: "memory of earlier",
  },
  {
    file: "network/deflate.ts",
    from: "socket.close(isTooLong(error) ? tooLongCode : invalidCode);",
    to: "",
    tests: "network/deflate.test.ts",
    only: "bomb|cannot be inflated",
  },
];
