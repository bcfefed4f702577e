// The transport of one attempt: HTTP, unless the client used another one that the provider has too.

import type { Dispatcher } from "undici";
import type { Credential } from "../account-kinds/credential.ts";
import type { Upstream, UpstreamRequest } from "../account-kinds/upstream.ts";
import type { Account } from "../accounts/account.ts";
import type { Config } from "../config/config.ts";
import type { Call } from "../domain/call.ts";
import { addressOf } from "../upstreams/client.ts";
import { type AttemptResult, type AttemptTimeouts, attempt } from "./attempt.ts";
import type { RelayDeps } from "./exchange.ts";
import type { MemoryShare } from "./memory-share.ts";

/** One sending of a call. What is learned from its result, and what follows it, is the same for every transport. */
export interface Sending {
  account: Account;
  credential: Credential;
  upstream: Upstream;
  call: Call;
  timeouts: AttemptTimeouts;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  /** See AttemptOptions. */
  memory?: MemoryShare | undefined;
}

/** Never rejects: what goes wrong is the result's failure. The answer is paused before its first byte. */
export type Transport = (sending: Sending, deps: RelayDeps) => Promise<AttemptResult>;

export const overHttp: Transport = (sending, deps) => {
  const { id, proxy } = sending.account.config;
  return sendTo(deps.dispatchers.for(id, proxy), sending, deps);
};

/** Asks once, over the connections of the dispatcher. */
export function sendTo(
  dispatcher: Pick<Dispatcher, "dispatch">,
  sending: Sending,
  { config, log, now, timers }: RelayDeps,
): Promise<AttemptResult> {
  const { upstream, call, timeouts, signal, memory } = sending;
  return attempt({
    dispatcher,
    request: prepare(sending, config().upstream.providerUrls),
    ...{ upstream, call, signal, memory, now, timers, timeouts },
    onObserverError(error) {
      // What is still being read when the client leaves is stopped by the same signal.
      if (!signal.aborted || error !== signal.reason)
        log.error({ request: call.id, err: String(error) }, "usage observer failed");
    },
  });
}

/** The request as it goes to the account's address, with its credential. */
export function prepare(
  { account: { config }, credential, upstream, call }: Sending,
  providerUrls: Config["upstream"]["providerUrls"],
): UpstreamRequest {
  return upstream.prepare(call, {
    apiUrl: addressOf(config, call, providerUrls),
    credential,
    isForeign: config.onlyWhenOut,
  });
}
