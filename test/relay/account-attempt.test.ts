// One account's turn, against a dispatcher that fails as a test wants.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dispatcher } from "undici";
import { createAccount } from "../../src/accounts/account.ts";
import type { Call } from "../../src/domain/call.ts";
import { describeExchange } from "../../src/network/faults.ts";
import { attemptOn } from "../../src/relay/account-attempt.ts";
import type { RelayDeps } from "../../src/relay/exchange.ts";
import { overHttp } from "../../src/relay/transport.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { systemTimers } from "../../src/time/timers.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { accountConfig } from "../accounts/fakes.ts";

/** Every connection turns out to have been closed already, `times` times; after that the provider resets it. */
function staleConnections(times: number): { dispatcher: Dispatcher; dispatched: () => number } {
  let dispatched = 0;
  const dispatcher = {
    dispatch(_: unknown, handler: Dispatcher.DispatchHandler) {
      dispatched++;
      const error = Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" });
      const stale = dispatched <= times;
      describeExchange(error, { origin: "https://api.anthropic.com", stage: "sent", stale });
      queueMicrotask(() => handler.onResponseError?.(undefined as never, error));
      return true;
    },
  } as unknown as Dispatcher;
  return { dispatcher, dispatched: () => dispatched };
}

async function turnOn(dispatcher: Dispatcher) {
  const config = accountConfig("a");
  const deps = {
    dispatchers: { for: () => dispatcher },
    credentials: { get: async () => ({ ok: true, credential: { kind: "api-key", key: config.secret } }) },
    config: () => ({ upstream: { idleTimeoutMs: 1000 } }),
    log: silentLog,
    timers: systemTimers,
    now: () => 0,
  } as unknown as RelayDeps;
  const call = {
    id: "r",
    operation: "generate",
    family: "claude",
    method: "POST",
    path: "/v1/messages",
    query: "",
    headers: [] as string[],
    stream: true,
  } as Call;
  const upstream = accountKinds["claude-api"].upstream;
  const { signal } = new AbortController();
  const turn = { call, upstream, signal, firstByteMs: 1000, transport: overHttp };
  return attemptOn(createAccount(config), turn, deps);
}

test("a request whose connection had closed before is sent once more, and not again", async () => {
  for (const [stale, sent] of [
    [0, 1],
    [1, 2],
    [5, 2],
  ] as const) {
    const { dispatcher, dispatched } = staleConnections(stale);
    const result = await turnOn(dispatcher);
    assert.deepEqual([result.ok, dispatched()], [false, sent], `${stale} stale connections`);
  }
});
