// The login of one account in this process: its access token while it lasts, and at most one refresh at a time.

import { isDeepStrictEqual } from "node:util";
import type { OAuthProvider } from "../account-kinds/oauth-provider.ts";
import type { LoginExtras, TokenRow, TokenStore } from "../domain/token-store.ts";
import type { Log } from "../telemetry/log.ts";
import { unlessAborted } from "../time/abort.ts";
import type { Clock } from "../time/clock.ts";
import type { RefreshRunner } from "./local-runner.ts";
import {
  callerLeft,
  describeLoginFailure,
  describeRefresh,
  describeRefusedToken,
  type LoginFailure,
  needsPerson,
  storageFailure,
} from "./login-failure.ts";
import { failedWith, hashToken, type RefreshOutcome } from "./refresh.ts";
import { refreshBackoffMs } from "./refresh-backoff.ts";
import { type AgingToken, ageToken, freshnessOf, remainingMs } from "./token-age.ts";

export interface AccountLoginOptions {
  accountId: string;
  /** The refresh token in the configuration. */
  configuredToken: string;
  tokens: TokenStore;
  /** Asked for every refresh: it can change while the process runs. */
  provider(): OAuthProvider;
  /** Describes everything beside the login that a refresh can fail for: when it has changed, another try is worth it at once. */
  circumstances(): string;
  runner: RefreshRunner;
  clock: Clock;
  log: Log;
  onSecret?(secret: string): void;
}

export type AccessResult = { ok: true; token: string; row: TokenRow } | LoginFailure;

export interface AccountLogin {
  /** A token that is good for at least ten seconds, or the last one as long as it lasts when no new one can be had. */
  access(signal: AbortSignal): Promise<AccessResult>;
  /** The provider refused `token`: refreshed once, unless it has been replaced already. */
  refused(token: string, signal: AbortSignal): Promise<AccessResult>;
  /** Forgets why and until when the provider was not to be asked. */
  retryNow(): void;
  /** Remembers what was found of what the provider adds to the login, in the store too. */
  saveExtras(extras: LoginExtras | undefined): Promise<void>;
  /** Waits for a refresh under way, and tries once more to write a pair that could not be written. */
  close(): Promise<void>;
}

/** A second refusal within this time after a forced refresh is no matter of the token's age. */
const forcedMs = 60_000;
/** How long a background refresh waits for a disk that takes no writes. */
const postponedMs = 30_000;

export function createAccountLogin(options: AccountLoginOptions): AccountLogin {
  const { accountId, tokens, clock, log } = options;
  let row: TokenRow | undefined;
  let token: AgingToken | undefined;
  let loading: Promise<void> | undefined;
  let running: Promise<void> | undefined;
  let blocked: Block | undefined;
  let failures = 0;
  let forcedAt: number | undefined;
  let backgroundAfter = 0;
  /** Counts the tokens this process got to know. */
  let taken = 0;

  function take(next: TokenRow): void {
    row = next;
    taken += 1;
    options.onSecret?.(next.refreshToken);
    if (next.accessToken !== undefined) options.onSecret?.(next.accessToken);
    token =
      next.accessToken === undefined || next.expiresAt === undefined
        ? undefined
        : ageToken({ token: next.accessToken, expiresAt: next.expiresAt, issuedAt: next.updatedAt }, clock);
  }

  /** The first look into the store. A row that began with another configured token is not ours to use: see planRefresh. */
  function load(): Promise<void> {
    loading ??= findRow().then(
      (stored) => {
        if (stored !== undefined) take(stored);
      },
      (error: unknown) => {
        loading = undefined;
        throw error;
      },
    );
    return loading;
  }

  async function findRow(): Promise<TokenRow | undefined> {
    const configuredHash = hashToken(options.configuredToken);
    const stored = await tokens.load(accountId);
    if (stored?.configuredHash === configuredHash) return stored;
    // An account with another id is still the same login, whose configured token was spent long ago.
    return tokens.takeOver(accountId, configuredHash);
  }

  function present(): AccessResult | undefined {
    return token && row && remainingMs(token, clock) > 0 ? { ok: true, token: token.token, row } : undefined;
  }

  /** A reason not to ask the provider now. A login that was gone may have been logged in again meanwhile. */
  async function findBlock(): Promise<LoginFailure | undefined> {
    if (blocked === undefined || clock.monotonic() >= blocked.until) return undefined;
    if (blocked.circumstances !== options.circumstances()) return undefined;
    if (!needsPerson(blocked.failure.reason)) return blocked.failure;
    const stored = await tokens.load(accountId);
    return stored?.generation === blocked.generation ? blocked.failure : undefined;
  }

  /** A token that was rotated now would die with this process, and the old one with it. */
  function volatile(): LoginFailure | undefined {
    if (!tokens.isVolatile()) return undefined;
    const why = "the disk takes no writes and a refreshed token would be lost with this process";
    return storageFailure(accountId, why, clock.now());
  }

  function refreshOnce(request: { refusedToken?: string; urgent: boolean }): Promise<void> {
    running ??= perform(request).finally(() => {
      running = undefined;
    });
    return running;
  }

  async function perform(request: { refusedToken?: string; urgent: boolean }): Promise<void> {
    const { refusedToken, urgent } = request;
    const context = {
      provider: options.provider(),
      circumstances: options.circumstances(),
      forced: refusedToken !== undefined,
    };
    accept(await options.runner.run({ known: row, refusedToken, urgent }), context);
  }

  function accept(outcome: RefreshOutcome, context: RefreshContext): void {
    switch (outcome.kind) {
      case "row": {
        take(outcome.row);
        if (token === undefined) return fail(unusable(outcome.row), context);
        blocked = undefined;
        failures = 0;
        if (!outcome.refreshed) return;
        if (context.forced) forcedAt = clock.monotonic();
        const expires = new Date(token.expiresAt).toISOString();
        log.info({ account: accountId, expires }, "a login was refreshed");
        return;
      }
      case "failed":
        return fail(outcome, context);
      case "postponed":
        backgroundAfter = clock.monotonic() + postponedMs;
        log.warn(
          { account: accountId, err: outcome.cause },
          "a login is refreshed later: the database takes no writes",
        );
        return;
    }
  }

  function fail(outcome: FailedOutcome, { provider, circumstances }: RefreshContext): void {
    const { failure } = outcome.reply;
    failures += 1;
    const wait = refreshBackoffMs(failure, failures);
    const { brokenOffAt, generation } = outcome;
    const until = clock.now() + wait;
    const described = describeRefresh({ accountId, provider, failure, brokenOffAt, until });
    log[needsPerson(described.reason) ? "error" : "warn"](
      { account: accountId, reason: described.reason },
      describeLoginFailure(described),
    );
    blocked = {
      failure: described,
      until: clock.monotonic() + wait,
      generation,
      circumstances,
    };
  }

  async function access(signal: AbortSignal): Promise<AccessResult> {
    await load();
    if (token && row && freshnessOf(token, clock) !== "refresh-now") {
      if (freshnessOf(token, clock) === "refresh-soon") void refreshInBackground();
      return { ok: true, token: token.token, row };
    }
    const block = (await findBlock()) ?? volatile();
    if (block !== undefined) return present() ?? block;
    const before = taken;
    if (!(await unlessAborted(refreshOnce({ urgent: true }), signal))) return callerLeft;
    // One that has just come is used once, however short it says it lasts: asking again would bring another of the kind.
    if (taken !== before && token && row) return { ok: true, token: token.token, row };
    return present() ?? blocked?.failure ?? access(signal);
  }

  async function refreshInBackground(): Promise<void> {
    try {
      if (running !== undefined || clock.monotonic() < backgroundAfter) return;
      if (((await findBlock()) ?? volatile()) !== undefined) return;
      await refreshOnce({ urgent: false });
    } catch (error) {
      log.error({ account: accountId, err: error }, "a login could not be refreshed in the background");
    }
  }

  async function refused(refusedToken: string, signal: AbortSignal): Promise<AccessResult> {
    await load();
    for (let round = 0; round < 2; round++) {
      if (token && row && token.token !== refusedToken && freshnessOf(token, clock) !== "refresh-now") {
        return { ok: true, token: token.token, row };
      }
      if (
        token?.token === refusedToken &&
        forcedAt !== undefined &&
        clock.monotonic() - forcedAt < forcedMs
      ) {
        return describeRefusedToken(options.provider(), accountId, clock.now() + forcedMs);
      }
      const block = (await findBlock()) ?? volatile();
      if (block !== undefined) return block;
      // A refresh that was under way for another reason may end with the refused token still in place: then once more.
      if (!(await unlessAborted(refreshOnce({ refusedToken, urgent: true }), signal))) return callerLeft;
    }
    const now = present();
    return now?.ok && now.token !== refusedToken
      ? now
      : (blocked?.failure ?? describeRefusedToken(options.provider(), accountId, clock.now() + forcedMs));
  }

  return {
    access,
    refused,
    retryNow() {
      blocked = undefined;
      failures = 0;
      forcedAt = undefined;
      backgroundAfter = 0;
    },
    async saveExtras(extras) {
      if (row === undefined || isDeepStrictEqual(row.extras, extras)) return;
      row = { ...row, extras };
      await options.runner.saveExtras(extras);
    },
    async close() {
      const closed = options.runner.close();
      await running?.catch(() => {});
      await closed;
    },
  };
}

/** What it was begun with: both can change before it ends. */
interface RefreshContext {
  provider: OAuthProvider;
  circumstances: string;
  /** For a token that was refused. */
  forced: boolean;
}

type FailedOutcome = Extract<RefreshOutcome, { kind: "failed" }>;

interface Block {
  failure: LoginFailure;
  /** Monotonic. */
  until: number;
  /** Of the stored row. */
  generation: number | undefined;
  circumstances: string;
}

/** A pair without a usable access token: its refresh token is kept, for there is no other. */
function unusable(row: TokenRow): FailedOutcome {
  return failedWith("the answer holds no access token with a lifetime", row.generation);
}
