// Refreshes a login in this process: under its lock, and with the pair in memory while the disk does not take it.

import { setTimeout as sleep } from "node:timers/promises";
import type { Dispatcher } from "undici";
import type { OAuthProvider } from "../account-kinds/oauth-provider.ts";
import type { LoginExtras, TokenRow, TokenStore } from "../domain/token-store.ts";
import type { Log } from "../telemetry/log.ts";
import { failedWith, type RefreshOutcome, refresh, type UnsavedRow } from "./refresh.ts";
import { requestToken, type TokenReply } from "./token-request.ts";

export interface LocalRunnerOptions {
  accountId: string;
  /** The refresh token in the configuration. */
  configuredToken: string;
  tokens: TokenStore;
  /** Asked for every refresh: both can change while the process runs. */
  provider(): OAuthProvider;
  dispatcher(): Dispatcher;
  /** Epoch ms. */
  now(): number;
  log: Log;
}

export interface LocalRunner extends RefreshRunner {
  /** @param endFailover ends the waiting for the lock, and nothing that comes after it. */
  run(task: RefreshTask, endFailover?: AbortSignal): Promise<RefreshOutcome>;
  /** Whether a pair waits for the disk. Nobody else holds it, so nobody else can refresh the login. */
  keepsPair(): boolean;
  /** Takes over a pair that another process of ours could not write; resolves when this one holds the lock. */
  keep(pair: UnsavedRow): Promise<void>;
  /** Resolves when no pair waits and no lock is held any more. */
  settled(): Promise<void>;
}

/** Longer than the slowest exchange of another process. */
const lockLimitMs = 75_000;

export function createLocalRunner(options: LocalRunnerOptions): LocalRunner {
  const { accountId, tokens, now, log } = options;
  let unsaved: UnsavedRow | undefined;
  const turns = new Set<Promise<void>>();
  const closing = new AbortController();

  async function run(task: RefreshTask, endFailover?: AbortSignal): Promise<RefreshOutcome> {
    const provider = options.provider();
    const work = async () => {
      const outcome = await refresh(
        { ...task, accountId, configuredToken: options.configuredToken, unsaved },
        { tokens, exchange: (refreshToken) => exchange(provider, refreshToken), now, log },
      );
      if (outcome.kind === "row") unsaved = outcome.unsaved;
      return outcome;
    };
    // While a pair is unsaved this process still holds the lock.
    return unsaved === undefined ? underLock(work, task, endFailover) : work();
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
      now,
    });
  }

  /** Resolves as soon as there is an outcome. The lock is kept until its pair is on the disk; closing ends the wait for it. */
  function underLock(
    work: () => Promise<RefreshOutcome>,
    { urgent, known }: Pick<RefreshTask, "urgent" | "known">,
    endFailover?: AbortSignal,
  ): Promise<RefreshOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<RefreshOutcome>();
    let entered = false;
    const carryOut = async () => {
      entered = true;
      resolve(await work());
      await saveUnsaved();
    };
    const turn = tokens
      .withLock(accountId, carryOut, lockLimit(endFailover))
      .catch(async (error: unknown) => {
        if (entered) return reject(error);
        if (isCancelled(error, endFailover)) {
          return resolve(failedWith("another cc-relay process is refreshing it", known?.generation));
        }
        if (!urgent) return resolve({ kind: "postponed", cause: error });
        log.warn(
          { account: accountId, err: error },
          "the lock of a login cannot be taken; it is refreshed without",
        );
        await carryOut();
      })
      .catch(reject);
    track(turn);
    return promise;
  }

  function lockLimit(endFailover: AbortSignal | undefined): AbortSignal {
    const signals = [AbortSignal.timeout(lockLimitMs), closing.signal];
    return AbortSignal.any(endFailover === undefined ? signals : [...signals, endFailover]);
  }

  function isCancelled(error: unknown, endFailover: AbortSignal | undefined): boolean {
    if (closing.signal.aborted || endFailover?.aborted === true) return true;
    return error instanceof Error && error.name === "TimeoutError";
  }

  function track(turn: Promise<void>): void {
    turns.add(turn);
    void turn.finally(() => turns.delete(turn));
  }

  /** Writes the pair that the disk did not take, again and again, until it does or the process ends. */
  async function saveUnsaved(): Promise<void> {
    for (let delayMs = 500; unsaved !== undefined; delayMs = Math.min(delayMs * 2, 15_000)) {
      // Ends early when the process does, and keeps none alive.
      await sleep(delayMs, undefined, { signal: closing.signal, ref: false }).catch(() => {});
      const pair = unsaved;
      if (pair === undefined) return;
      try {
        const saved = await tokens.replace(pair.row, pair.expected);
        if (unsaved === pair) unsaved = undefined;
        const text = saved
          ? "a refreshed login is on the disk now"
          : "a login was changed elsewhere before it could be saved";
        log.info({ account: accountId }, text);
      } catch (error) {
        if (!closing.signal.aborted) continue;
        log.error(
          { account: accountId, err: error },
          "a refreshed login could not be saved and ends with this process",
        );
        return;
      }
    }
  }

  return {
    run,
    keepsPair: () => unsaved !== undefined,
    async keep(pair) {
      unsaved = pair;
      const kept: RefreshOutcome = { kind: "row", row: pair.row, refreshed: false, unsaved: pair };
      const outcome = await underLock(async () => kept, { urgent: true, known: pair.row });
      // The holder of the lock cannot refresh this login. Better written without the lock than lost.
      if (outcome.kind === "failed") track(saveUnsaved());
    },
    async saveExtras(extras) {
      if (unsaved !== undefined) {
        unsaved = { ...unsaved, row: { ...unsaved.row, extras } };
        return;
      }
      await tokens.withLock(accountId, async () => {
        const stored = await tokens.load(accountId);
        if (stored !== undefined) await tokens.replace({ ...stored, extras }, stored.generation);
      });
    },
    async settled() {
      while (turns.size > 0) await Promise.all(turns);
    },
    async close() {
      closing.abort();
      while (turns.size > 0) await Promise.all(turns);
    },
  };
}

export interface RefreshTask {
  /** The newest row the asking process knows; undefined at its first look. */
  known: TokenRow | undefined;
  /** An access token that the provider refused: a row that still holds it is not good enough. */
  refusedToken: string | undefined;
  /** Somebody waits for the token: it is refreshed even when the mark that explains a crash cannot be written. */
  urgent: boolean;
}

export interface RefreshRunner {
  /**
   * Resolves as soon as there is an outcome; asked for one thing at a time. A pair that the disk does not take is kept, under
   * the login's lock, and written as soon as it does.
   */
  run(task: RefreshTask): Promise<RefreshOutcome>;
  /** Writes what was found of what the provider adds to the login. */
  saveExtras(extras: LoginExtras | undefined): Promise<void>;
  /** Waits for a refresh under way. */
  close(): Promise<void>;
}
