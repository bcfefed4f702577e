// Refreshes OAuth tokens in a detached child process, so that killing the relay cannot lose a rotated refresh token; in this process when the child cannot.

import { dirname, extname, join } from "node:path";
import type { TokenStore } from "../../domain/token-store.ts";
import type { LocalRunner, RefreshRunner, RefreshTask } from "../../oauth/local-runner.ts";
import { failedWith, planRefresh, type RefreshOutcome } from "../../oauth/refresh.ts";
import type { RefreshedLogin } from "../../oauth/tokens.ts";
import type { Log } from "../../telemetry/log.ts";
import { messageFormat, type RefreshSite } from "./messages.ts";
import { type RefreshWorker, startRefreshWorker } from "./worker.ts";

export interface DetachedRefreshesOptions {
  /** Asked for every refresh. */
  site(): RefreshSite;
  /** Of the same database. */
  tokens: TokenStore;
  /** Epoch ms. */
  now(): number;
  log: Log;
  /** The module of the process; the one beside this file when absent. */
  script?: string;
}

export interface DetachedRefreshes {
  /** @param local how this process would refresh the login. */
  runnerFor(login: RefreshedLogin, local: LocalRunner): RefreshRunner;
}

/** One process for all logins that have to be refreshed at the same time; it ends when there are none. */
export function createDetachedRefreshes(options: DetachedRefreshesOptions): DetachedRefreshes {
  const { tokens, now, log } = options;
  const locals = new Map<string, LocalRunner>();
  let worker: RefreshWorker | undefined;
  let closing: Promise<void> | undefined;

  function takeWorker(): { worker: RefreshWorker; isNew: boolean } {
    if (worker !== undefined && !worker.isDone()) return { worker, isNew: false };
    worker = startRefreshWorker({
      script: options.script ?? join(import.meta.dirname, `process${extname(import.meta.filename)}`),
      folder: dirname(options.site().databasePath),
      log,
      takeOver: async (login, pair) => {
        if (closing === undefined) await locals.get(login)?.keep(pair);
      },
    });
    return { worker, isNew: true };
  }

  function close(): Promise<void> {
    closing ??= worker?.release() ?? Promise.resolve();
    return closing;
  }

  return {
    runnerFor({ account, provider }, local) {
      const login = String(locals.size);
      locals.set(login, local);

      /** Another process may have refreshed it: that is found out without starting one. */
      async function findRefreshed(task: RefreshTask): Promise<RefreshOutcome | undefined> {
        const { id, secret } = account();
        const request = { ...task, accountId: id, configuredToken: secret, unsaved: undefined };
        const plan = planRefresh(request, await tokens.load(id), now());
        if (plan.kind !== "adopt") return undefined;
        return { kind: "row", row: plan.row, refreshed: false, unsaved: undefined };
      }

      async function refreshOutside(task: RefreshTask): Promise<RefreshOutcome | undefined> {
        while (closing === undefined && !local.keepsPair()) {
          const { worker, isNew } = takeWorker();
          const { id, secret, proxy } = account();
          const order = {
            format: messageFormat,
            login,
            account: { id, secret, proxy },
            provider: provider(),
            task,
            site: options.site(),
          };
          const answer = await worker.ask(order);
          if (answer.kind === "outcome") return answer.outcome;
          if (answer.kind === "ended") await worker.ended;
          // One that was at work for others may have finished in the moment it was asked.
          if (answer.kind === "ended" && !isNew) continue;
          if (closing !== undefined) break;
          log.warn(
            { account: account().id, reason: answer.reason },
            "a login is refreshed in this process, where a kill can lose it: the process meant for it failed",
          );
          return undefined;
        }
        return undefined;
      }

      return {
        async run(task) {
          const isFree = !local.keepsPair() && worker?.keepsPairOf(login) !== true;
          const outcome = (isFree ? await findRefreshed(task) : undefined) ?? (await refreshOutside(task));
          if (outcome !== undefined) return outcome;
          if (closing === undefined || local.keepsPair()) return local.run(task);
          return failedWith("the relay is being stopped", task.known?.generation);
        },
        saveExtras: (extras) => local.saveExtras(extras),
        async close() {
          await Promise.all([close(), local.close()]);
        },
      };
    },
  };
}
