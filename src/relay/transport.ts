// The transport of one attempt: HTTP, unless the client used another one that the provider has too.

import type { Credential } from "../account-kinds/credential.ts";
import type { Upstream } from "../account-kinds/upstream.ts";
import type { Account } from "../accounts/account.ts";
import type { Call } from "../call.ts";
import { addressOf } from "../upstreams/client.ts";
import { type AttemptResult, type AttemptTimeouts, attempt } from "./attempt.ts";
import type { RelayDeps } from "./exchange.ts";

/** One sending of a call. What is learned from its result, and what follows it, is the same for every transport. */
export interface Sending {
  account: Account;
  credential: Credential;
  upstream: Upstream;
  call: Call;
  timeouts: AttemptTimeouts;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
}

/** Never rejects: what goes wrong is the result's failure. The answer is paused before its first byte. */
export type Transport = (sending: Sending, deps: RelayDeps) => Promise<AttemptResult>;

export const overHttp: Transport = (
  { account: { config }, credential, upstream, call, timeouts, signal },
  { config: settings, dispatchers, log, now },
) =>
  attempt({
    dispatcher: dispatchers.for(config.id, config.proxy),
    request: upstream.prepare(call, {
      apiUrl: addressOf(config, call, settings().upstream.providerUrls),
      credential,
    }),
    upstream,
    call,
    signal,
    now,
    timeouts,
    onObserverError: (error) => log.error({ request: call.id, err: String(error) }, "usage observer failed"),
  });
