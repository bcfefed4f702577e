// A Google login together with the project it works in: found at first use, kept with the login.

import type { Dispatcher } from "undici";
import { toRun } from "../domain/errors.ts";
import type { Log } from "../telemetry/log.ts";
import { unlessAborted } from "../time/abort.ts";
import type { Clock } from "../time/clock.ts";
import type { AccessResult, AccountLogin } from "./account-login.ts";
import { findProject, type ProjectResult } from "./gemini-project.ts";
import { callerGaveUp, describeLoginFailure, type LoginFailure, needsPerson } from "./login-failure.ts";

export interface CodeAssistOptions {
  accountId: string;
  /** Base address of Code Assist, no trailing slash. */
  apiUrl(): string;
  login: AccountLogin;
  /** See AccountLoginOptions. */
  circumstances(): string;
  dispatcher(): Dispatcher;
  clock: Clock;
  log: Log;
}

export type ProjectAccess = { ok: true; access: AccessResult & { ok: true }; project: string } | LoginFailure;

export interface CodeAssistLogin {
  /** The access token together with the project; searched for once, however many ask. */
  complete(access: AccessResult & { ok: true }, signal: AbortSignal): Promise<ProjectAccess>;
  /** Google refused the project that was found: it is searched for again at the next use. */
  forgetProject(): Promise<void>;
  /** Forgets why and until when the project was not to be searched for. */
  retryNow(): void;
}

/** A refusal is asked about again after this time at the earliest; the accounts' own cooldown is longer. */
const refusedMs = 60_000;
const passingMs = 10_000;

export function createCodeAssistLogin(options: CodeAssistOptions): CodeAssistLogin {
  const { accountId, login, clock, log } = options;
  let project: string | undefined;
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
    if (!result.ok) return block(describeProject(accountId, result, clock.now()));
    project = result.project;
    blocked = undefined;
    log.info({ account: accountId, project }, "the project of a Code Assist login was found");
    await login.saveProject(project).catch((error: unknown) => {
      log.warn({ account: accountId, err: error }, "the project of a login is kept in memory only");
    });
  }

  function find(accessToken: string): Promise<ProjectResult> {
    return findProject({
      apiUrl: options.apiUrl(),
      accessToken,
      configured: undefined,
      dispatcher: options.dispatcher(),
      monotonic: clock.monotonic,
    });
  }

  function findBlock(): LoginFailure | undefined {
    const isBlocked = blocked !== undefined && clock.monotonic() < blocked.until;
    return isBlocked && blocked?.circumstances === options.circumstances() ? blocked.failure : undefined;
  }

  return {
    async complete(access, signal) {
      const known = project ?? access.row.project;
      if (known !== undefined) return { ok: true, access, project: known };
      const block = findBlock();
      if (block !== undefined) return block;
      searching ??= search(access).finally(() => {
        searching = undefined;
      });
      if (!(await unlessAborted(searching, signal))) return callerGaveUp;
      if (project === undefined) return blocked?.failure ?? callerGaveUp;
      const fresh = await login.access(signal);
      return fresh.ok ? { ok: true, access: fresh, project } : fresh;
    },
    retryNow() {
      blocked = undefined;
    },
    async forgetProject() {
      project = undefined;
      blocked = undefined;
      await login.saveProject(undefined);
    },
  };
}

function describeProject(
  accountId: string,
  result: ProjectResult & { ok: false },
  now: number,
): LoginFailure {
  const who = `the Google login of account ${accountId}`;
  if (result.kind === "refused" || result.kind === "unauthorized") {
    const fact = `${who} cannot use Code Assist: ${result.detail}`;
    const fix = toRun("use an API key instead", "cc-relay login gemini --api-key");
    return { ok: false, reason: "project-refused", fact, fix, until: now + refusedMs };
  }
  const reason = result.kind === "temporary" ? "unreachable" : result.kind;
  return {
    ok: false,
    reason,
    fact: `${who} has no project yet: ${result.detail}`,
    fix: undefined,
    until: now + passingMs,
  };
}
