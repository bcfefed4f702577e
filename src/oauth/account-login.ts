// The login of one account in this process: its access token while it lasts, and at most one renewal at a time.

import type { Dispatcher } from "undici";
import type { Log } from "../log.ts";
import {
  callerGaveUp,
  describeRefusedToken,
  describeRenewal,
  type LoginFailure,
  needsPerson,
} from "./login-failure.ts";
import type { OAuthProvider } from "./provider.ts";
import { hashToken, type RenewalOutcome, renew, type UnsavedRow } from "./renewal.ts";
import { type AgingToken, ageToken, freshnessOf, remainingMs, type TokenClock } from "./token-age.ts";
import { requestToken, type TokenReply } from "./token-request.ts";
import type { TokenRow, TokenStore } from "./token-store.ts";

export interface AccountLoginOptions {
  accountId: string;
  /** The refresh token in the configuration. */
  configuredToken: string;
  tokens: TokenStore;
  /** Asked for every renewal: both can change while the process runs. */
  provider(): OAuthProvider;
  dispatcher(): Dispatcher;
  clock: TokenClock;
  log: Log;
}

export type AccessResult = { ok: true; token: string; row: TokenRow } | LoginFailure;

export interface AccountLogin {
  /** A token that is good for at least ten seconds, or the last one as long as it lasts when no new one can be had. */
  access(signal: AbortSignal): Promise<AccessResult>;
  /** The provider refused `token`: renewed once, unless it has been replaced already. */
  refused(token: string, signal: AbortSignal): Promise<AccessResult>;
  /** Remembers the project found for the login, in the store too. */
  saveProject(project: string | undefined): Promise<void>;
  /** Waits for a renewal under way, and tries once more to write a pair that could not be written. */
  close(): Promise<void>;
}

const backoffBaseMs = 5_000;
/** The token endpoint throttles or is ill: asking more often makes it worse. */
const backoffLimitMs = 300_000;
/** Nobody was reached, so nobody is bothered; a line that is back should be noticed. */
const unreachableLimitMs = 30_000;
/** How long a login that needs a person is not asked for again; the accounts' own rest is longer. */
const deadMs = 60_000;
/** A second refusal within this time after a forced renewal is no matter of the token's age. */
const forcedMs = 60_000;
/** How long a background renewal waits for a disk that takes no writes. */
const postponedMs = 30_000;
/** Longer than the slowest exchange of another process. */
const lockLimitMs = 75_000;

export function createAccountLogin(options: AccountLoginOptions): AccountLogin {
  const { accountId, tokens, clock, log } = options;
  let row: TokenRow | undefined;
  let token: AgingToken | undefined;
  let loading: Promise<void> | undefined;
  let running: Promise<void> | undefined;
  let unsaved: UnsavedRow | undefined;
  let blocked: Block | undefined;
  let failures = 0;
  let forcedAt: number | undefined;
  let backgroundAfter = 0;
  /** Counts the tokens this process got to know. */
  let taken = 0;
  const turns = new Set<Promise<void>>();
  const closing = new AbortController();

  function take(next: TokenRow): void {
    row = next;
    taken += 1;
    token =
      next.accessToken === undefined || next.expiresAt === undefined
        ? undefined
        : ageToken({ token: next.accessToken, expiresAt: next.expiresAt, issuedAt: next.updatedAt }, clock);
  }

  /** The first look into the store. A row that began with another configured token is not ours to use: see planRenewal. */
  function load(): Promise<void> {
    loading ??= tokens.load(accountId).then(
      (stored) => {
        if (stored?.configuredHash === hashToken(options.configuredToken)) take(stored);
      },
      (error: unknown) => {
        loading = undefined;
        throw error;
      },
    );
    return loading;
  }

  function present(): AccessResult | undefined {
    return token && row && remainingMs(token, clock) > 0 ? { ok: true, token: token.token, row } : undefined;
  }

  /** A reason not to ask the provider now. A login that was gone may have been logged in again meanwhile. */
  async function findBlock(): Promise<LoginFailure | undefined> {
    if (blocked === undefined || clock.monotonic() >= blocked.until) return undefined;
    if (!needsPerson(blocked.failure.reason)) return blocked.failure;
    if (blocked.provider !== providerKey(options.provider())) return undefined;
    const stored = await tokens.load(accountId);
    return stored?.generation === blocked.generation ? blocked.failure : undefined;
  }

  function renewOnce(request: { refusedToken?: string; urgent: boolean }): Promise<void> {
    running ??= perform(request).finally(() => {
      running = undefined;
    });
    return running;
  }

  async function perform(request: { refusedToken?: string; urgent: boolean }): Promise<void> {
    const provider = options.provider();
    const work = () =>
      renew(
        {
          accountId,
          configuredToken: options.configuredToken,
          known: row,
          unsaved,
          refusedToken: request.refusedToken,
          urgent: request.urgent,
        },
        { tokens, exchange: (refreshToken) => exchange(provider, refreshToken), now: clock.now, log },
      );
    // While a pair is unsaved this process still holds the lock.
    const outcome = unsaved === undefined ? await underLock(work, request.urgent) : await work();
    accept(outcome, { provider, forced: request.refusedToken !== undefined });
  }

  function exchange(provider: OAuthProvider, refreshToken: string): Promise<TokenReply> {
    // No caller's signal ends it: the answer may hold the only refresh token there is.
    return requestToken({
      provider,
      dispatcher: options.dispatcher(),
      parameters: [
        ["grant_type", "refresh_token"],
        ["refresh_token", refreshToken],
      ],
      headers: provider.refreshHeaders,
      now: clock.now,
    });
  }

  /** Resolves as soon as there is an outcome; the lock is held on while its pair is not on the disk. Nobody waits for it at the end. */
  function underLock(work: () => Promise<RenewalOutcome>, urgent: boolean): Promise<RenewalOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<RenewalOutcome>();
    let entered = false;
    const turn = tokens
      .withLock(
        accountId,
        async () => {
          entered = true;
          const outcome = await work();
          if (outcome.kind === "row") unsaved = outcome.unsaved;
          resolve(outcome);
          await saveUnsaved();
        },
        AbortSignal.any([AbortSignal.timeout(lockLimitMs), closing.signal]),
      )
      .catch(async (error: unknown) => {
        if (entered) return reject(error);
        if (closing.signal.aborted || (error instanceof Error && error.name === "TimeoutError")) {
          return resolve(failedWith("another cc-relay process is renewing it", row?.generation));
        }
        if (!urgent) return resolve({ kind: "postponed", cause: error });
        log.warn(
          { account: accountId, err: error },
          "the lock of a login cannot be taken; it is renewed without",
        );
        const outcome = await work();
        if (outcome.kind === "row") unsaved = outcome.unsaved;
        resolve(outcome);
        await saveUnsaved();
      })
      .catch(reject);
    turns.add(turn);
    void turn.finally(() => turns.delete(turn));
    return promise;
  }

  function accept(outcome: RenewalOutcome, context: { provider: OAuthProvider; forced: boolean }): void {
    switch (outcome.kind) {
      case "row": {
        unsaved = outcome.unsaved;
        take(outcome.row);
        if (token === undefined) return fail(unusable(outcome.row), context.provider);
        blocked = undefined;
        failures = 0;
        if (!outcome.renewed) return;
        if (context.forced) forcedAt = clock.monotonic();
        const expires = new Date(token.expiresAt).toISOString();
        log.info({ account: accountId, expires }, "a login was renewed");
        return;
      }
      case "failed":
        return fail(outcome, context.provider);
      case "postponed":
        backgroundAfter = clock.monotonic() + postponedMs;
        log.warn(
          { account: accountId, err: outcome.cause },
          "a login is renewed later: the database takes no writes",
        );
        return;
    }
  }

  function fail(outcome: FailedOutcome, provider: OAuthProvider): void {
    const { failure } = outcome.reply;
    failures += 1;
    const wait = waitMs(failure, failures);
    const { brokenOffAt, generation } = outcome;
    const until = clock.now() + wait;
    const described = describeRenewal({ accountId, provider, failure, brokenOffAt, until });
    log[needsPerson(described.reason) ? "error" : "warn"](
      { account: accountId, reason: described.reason },
      described.message,
    );
    blocked = {
      failure: described,
      until: clock.monotonic() + wait,
      generation,
      provider: providerKey(provider),
    };
  }

  /** Writes the pair that the disk did not take, again and again, until it does or the process ends. */
  async function saveUnsaved(): Promise<void> {
    for (let delayMs = 500; unsaved !== undefined; delayMs = Math.min(delayMs * 2, 15_000)) {
      await sleep(delayMs, closing.signal);
      const pair = unsaved;
      if (pair === undefined) return;
      try {
        const saved = await tokens.replace(pair.row, pair.expected);
        if (unsaved === pair) unsaved = undefined;
        const text = saved
          ? "a renewed login is on the disk now"
          : "a login was changed elsewhere before it could be saved";
        log.info({ account: accountId }, text);
      } catch (error) {
        if (!closing.signal.aborted) continue;
        log.error(
          { account: accountId, err: error },
          "a renewed login could not be saved and ends with this process",
        );
        return;
      }
    }
  }

  async function access(signal: AbortSignal): Promise<AccessResult> {
    await load();
    if (token && row && freshnessOf(token, clock) !== "renew-now") {
      if (freshnessOf(token, clock) === "renew-soon") void renewInBackground();
      return { ok: true, token: token.token, row };
    }
    const block = await findBlock();
    if (block !== undefined) return present() ?? block;
    const before = taken;
    if (!(await unlessAborted(renewOnce({ urgent: true }), signal))) return callerGaveUp;
    // One that has just come is used once, however short it says it lasts: asking again would bring another of the kind.
    if (taken !== before && token && row) return { ok: true, token: token.token, row };
    return present() ?? blocked?.failure ?? access(signal);
  }

  async function renewInBackground(): Promise<void> {
    try {
      if (running !== undefined || clock.monotonic() < backgroundAfter) return;
      if ((await findBlock()) !== undefined) return;
      await renewOnce({ urgent: false });
    } catch (error) {
      log.error({ account: accountId, err: error }, "a login could not be renewed in the background");
    }
  }

  async function refused(refusedToken: string, signal: AbortSignal): Promise<AccessResult> {
    await load();
    for (let round = 0; round < 2; round++) {
      if (token && row && token.token !== refusedToken && freshnessOf(token, clock) !== "renew-now") {
        return { ok: true, token: token.token, row };
      }
      if (
        token?.token === refusedToken &&
        forcedAt !== undefined &&
        clock.monotonic() - forcedAt < forcedMs
      ) {
        return describeRefusedToken(options.provider(), accountId, clock.now() + forcedMs);
      }
      const block = await findBlock();
      if (block !== undefined) return block;
      // A renewal that was under way for another reason may end with the refused token still in place: then once more.
      if (!(await unlessAborted(renewOnce({ refusedToken, urgent: true }), signal))) return callerGaveUp;
    }
    const now = present();
    return now?.ok && now.token !== refusedToken
      ? now
      : (blocked?.failure ?? describeRefusedToken(options.provider(), accountId, clock.now() + forcedMs));
  }

  async function saveProject(project: string | undefined): Promise<void> {
    if (row === undefined || row.project === project) return;
    row = { ...row, project };
    if (unsaved !== undefined) {
      unsaved = { ...unsaved, row: { ...unsaved.row, project } };
      return;
    }
    await tokens.withLock(accountId, async () => {
      const stored = await tokens.load(accountId);
      if (stored !== undefined) await tokens.replace({ ...stored, project }, stored.generation);
    });
  }

  return {
    access,
    refused,
    saveProject,
    async close() {
      closing.abort();
      await running?.catch(() => {});
      await Promise.all(turns);
    },
  };
}

type FailedOutcome = Extract<RenewalOutcome, { kind: "failed" }>;

interface Block {
  failure: LoginFailure;
  /** Monotonic. */
  until: number;
  /** Of the stored row, and which endpoint and client it is about: with another one it is worth asking again. */
  generation: number | undefined;
  provider: string;
}

function providerKey(provider: OAuthProvider): string {
  return JSON.stringify([provider.tokenUrl, provider.clientId, provider.clientSecret]);
}

/** A pair without a usable access token: its refresh token is kept, for there is no other. */
function unusable(row: TokenRow): FailedOutcome {
  return failedWith("the answer holds no access token with a lifetime", row.generation);
}

function failedWith(detail: string, generation: number | undefined): FailedOutcome {
  const reply = { ok: false, failure: { kind: "temporary", detail }, outcomeUnknown: false } as const;
  return { kind: "failed", reply, generation, brokenOffAt: undefined };
}

function waitMs(failure: FailedOutcome["reply"]["failure"], failures: number): number {
  const growing = backoffBaseMs * 2 ** Math.min(failures - 1, 10);
  switch (failure.kind) {
    case "revoked":
    case "rejected":
      return deadMs;
    case "proxy":
    case "unreached":
      return Math.min(growing, unreachableLimitMs);
    case "temporary":
    case "throttled":
    case "aborted":
      return Math.max(Math.min(growing, backoffLimitMs), Math.min(failure.retryAfterMs ?? 0, 3_600_000));
  }
}

/** False when the signal came first; the promise goes on. */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) {
    promise.catch(() => {});
    return false;
  }
  const { promise: aborted, resolve } = Promise.withResolvers<boolean>();
  const abort = () => resolve(false);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise.then(() => true), aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Ends early, without throwing, when the signal does; keeps no process alive. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    timer.unref();
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
