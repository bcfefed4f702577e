// A login together with what its provider adds to it (Google's project): found at first use, kept with the login.

import type { Dispatcher } from "undici";
import type { ExtrasResult, ExtrasSource } from "../account-kinds/account-kind.ts";
import type { OAuthProvider } from "../account-kinds/oauth-provider.ts";
import { toRun } from "../domain/errors.ts";
import type { LoginExtras } from "../domain/token-store.ts";
import type { Log } from "../telemetry/log.ts";
import { unlessAborted } from "../time/abort.ts";
import type { Clock } from "../time/clock.ts";
import type { AccessResult, AccountLogin } from "./account-login.ts";
import { callerLeft, describeLoginFailure, type LoginFailure, needsPerson } from "./login-failure.ts";

export interface ExtrasOptions {
  accountId: string;
  source: ExtrasSource;
  /** Of the account, no trailing slash. */
  apiUrl(): string;
  login: AccountLogin;
  provider(): OAuthProvider;
  /** See AccountLoginOptions. */
  circumstances(): string;
  dispatcher(): Dispatcher;
  clock: Clock;
  log: Log;
}

export type ExtrasAccess =
  | { ok: true; access: AccessResult & { ok: true }; extras: LoginExtras }
  | LoginFailure;

export interface KeptExtras {
  /** The access token together with the extras; searched for once, however many ask. */
  complete(access: AccessResult & { ok: true }, signal: AbortSignal): Promise<ExtrasAccess>;
  /** The provider refused what was found: it is searched for again at the next use. */
  forget(): Promise<void>;
  /** Forgets why and until when it was not to be searched. */
  retryNow(): void;
}

/** A refusal is asked about again after this time at the earliest; the accounts' own cooldown is longer. */
const refusedMs = 60_000;
const passingMs = 10_000;

export function createKeptExtras(options: ExtrasOptions): KeptExtras {
  const { accountId, source, login, clock, log } = options;
  let extras: LoginExtras | undefined;
  let searching: Promise<void> | undefined;
  let blocked: { failure: LoginFailure; until: number; circumstances: string } | undefined;

  async function search(access: AccessResult & { ok: true }): Promise<void> {
    const circumstances = options.circumstances();
    const block = (failure: LoginFailure) => {
      log.warn({ account: accountId, reason: failure.reason }, describeLoginFailure(failure));
      const wait = needsPerson(failure.reason) ? refusedMs : passingMs;
      blocked = { failure, until: clock.monotonic() + wait, circumstances };
    };
    let result = await find(access.token);
    if (!result.ok && result.kind === "unauthorized") {
      const refreshed = await login.refused(access.token, new AbortController().signal);
      if (!refreshed.ok) return block(refreshed);
      result = await find(refreshed.token);
    }
    if (!result.ok) return block(describe(result));
    extras = result.extras;
    blocked = undefined;
    log.info({ account: accountId, ...extras }, `the ${source.title} of a login was found`);
    await login.saveExtras(extras).catch((error: unknown) => {
      log.warn({ account: accountId, err: error }, `the ${source.title} of a login is kept in memory only`);
    });
  }

  function find(accessToken: string): Promise<ExtrasResult> {
    return source.find({
      apiUrl: options.apiUrl(),
      accessToken,
      dispatcher: options.dispatcher(),
      monotonic: clock.monotonic,
    });
  }

  function describe(result: ExtrasResult & { ok: false }): LoginFailure {
    const { name, title } = options.provider();
    const who = `the ${title} login of account ${accountId}`;
    const now = clock.now();
    if (result.kind === "refused" || result.kind === "unauthorized") {
      const fact = `${who} cannot use ${source.service}: ${result.detail}`;
      const fix = toRun("use an API key instead", `cc-relay login ${name} --api-key`);
      return { ok: false, reason: "extras-refused", fact, fix, until: now + refusedMs };
    }
    const reason = result.kind === "temporary" ? "unreachable" : result.kind;
    const fact = `${who} has no ${source.title} yet: ${result.detail}`;
    return { ok: false, reason, fact, fix: undefined, until: now + passingMs };
  }

  function findBlock(): LoginFailure | undefined {
    const isBlocked = blocked !== undefined && clock.monotonic() < blocked.until;
    return isBlocked && blocked?.circumstances === options.circumstances() ? blocked.failure : undefined;
  }

  return {
    async complete(access, signal) {
      const known = extras ?? access.row.extras;
      if (known !== undefined) return { ok: true, access, extras: known };
      const block = findBlock();
      if (block !== undefined) return block;
      searching ??= search(access).finally(() => {
        searching = undefined;
      });
      if (!(await unlessAborted(searching, signal))) return callerLeft;
      if (extras === undefined) return blocked?.failure ?? callerLeft;
      const fresh = await login.access(signal);
      return fresh.ok ? { ok: true, access: fresh, extras } : fresh;
    },
    retryNow() {
      blocked = undefined;
    },
    async forget() {
      extras = undefined;
      blocked = undefined;
      await login.saveExtras(undefined);
    },
  };
}
