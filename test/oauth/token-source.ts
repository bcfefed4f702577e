// Token sources on a store in memory, with an authorization server and clocks that a test moves.

import assert from "node:assert/strict";
import { createDispatchers, type Dispatchers } from "../../src/network/dispatchers.ts";
import {
  createTokenSource,
  type LoginToken,
  type TokenSource,
  type TokenSourceDeps,
} from "../../src/oauth/tokens.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../support/authorization-server.ts";
import { createMemoryTokens, type MemoryTokens } from "../support/memory-tokens.ts";

export const eightHours = 8 * 3_600_000;

/** Of a caller that waits for as long as it takes. */
export const signal: AbortSignal = new AbortController().signal;

export interface TokenSources {
  readonly server: AuthorizationServer;
  readonly store: MemoryTokens;
  readonly dispatchers: Dispatchers;
  /** What the clocks of every source show, in milliseconds. */
  readonly clock: { wall: number; mono: number };
  /** Every log line so far. */
  readonly lines: string[];
  /** Moves both clocks on. */
  readonly pass: (ms: number) => void;
  /** One more source on the same store, as another process would have. */
  readonly createSource: (options?: SourceOptions) => TokenSource;
  close(): Promise<void>;
}

export interface SourceOptions {
  /** Asked anew for every refresh; undefined: the server's. */
  tokenUrl?: () => string;
  /** Undefined: that of `dispatchers`. */
  dispatcherFor?: TokenSourceDeps["dispatcherFor"];
}

export async function startTokenSources(): Promise<TokenSources> {
  const server = await startAuthorizationServer();
  const store = createMemoryTokens();
  const dispatchers = createDispatchers({ connectTimeoutMs: 1000 });
  const clock = { wall: Date.parse("2026-11-22T12:00:00Z"), mono: 0 };
  const lines: string[] = [];
  const log = createLog({
    level: "debug",
    pretty: false,
    destination: { write: (line) => lines.push(line) },
  });
  const sources: TokenSource[] = [];

  return {
    server,
    store,
    dispatchers,
    clock,
    lines,
    pass(ms) {
      clock.wall += ms;
      clock.mono += ms;
    },

    createSource({ tokenUrl = () => `${server.url}/token`, dispatcherFor } = {}) {
      const source = createTokenSource({
        tokens: store,
        dispatcherFor: dispatcherFor ?? ((account) => dispatchers.for(account.id, account.proxy)),
        config: () => ({ claude: { tokenUrl: tokenUrl() }, gemini: { tokenUrl: tokenUrl() } }),
        clock: { now: () => clock.wall, monotonic: () => clock.mono },
        log,
      });
      sources.push(source);
      return source;
    },

    async close() {
      await Promise.all(sources.map((source) => source.close()));
      await dispatchers.close();
      await server.close();
    },
  };
}

export function failureOf(result: LoginToken) {
  assert.ok(!result.ok, "a failure was expected");
  return result;
}
