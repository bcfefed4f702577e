// Has logins renewed by a process that a kill of this one does not reach, and renews them here when that process cannot.

import { dirname, extname, join } from "node:path";
import type { Log } from "../log.ts";
import type { LocalRunner } from "../oauth/local-runner.ts";
import { failedWith, planRenewal, type RenewalOutcome } from "../oauth/renewal.ts";
import type { RenewalRunner, RenewalTask } from "../oauth/renewal-runner.ts";
import type { LoginAccount } from "../oauth/tokens.ts";
import type { TokenStore } from "../token-store.ts";
import { messageFormat, type RenewalSite } from "./renewal-messages.ts";
import { type RenewalWorker, startRenewalWorker } from "./renewal-worker.ts";

export interface OutlivingRenewalsOptions {
  /** Asked for every renewal. */
  site(): RenewalSite;
  /** Of the same database. */
  tokens: TokenStore;
  /** Epoch ms. */
  now(): number;
  log: Log;
  /** The module of the process; the one beside this file when absent. */
  script?: string;
}

export interface OutlivingRenewals {
  /** @param local how this process would renew the login. */
  runnerFor(account: () => LoginAccount, local: LocalRunner): RenewalRunner;
}

/** One process for all logins that have to be renewed at the same time; it ends when there are none. */
export function createOutlivingRenewals(options: OutlivingRenewalsOptions): OutlivingRenewals {
  const { tokens, now, log } = options;
  const locals = new Map<string, LocalRunner>();
  let worker: RenewalWorker | undefined;
  let closing: Promise<void> | undefined;

  function takeWorker(): { worker: RenewalWorker; isNew: boolean } {
    if (worker !== undefined && !worker.isDone()) return { worker, isNew: false };
    worker = startRenewalWorker({
      script: options.script ?? join(import.meta.dirname, `renewal-process${extname(import.meta.filename)}`),
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
    runnerFor(account, local) {
      const login = String(locals.size);
      locals.set(login, local);

      /** Another process may have renewed it: that is found out without starting one. */
      async function findRenewed(task: RenewalTask): Promise<RenewalOutcome | undefined> {
        const { id, secret } = account();
        const request = { ...task, accountId: id, configuredToken: secret, unsaved: undefined };
        const plan = planRenewal(request, await tokens.load(id), now());
        if (plan.kind !== "adopt") return undefined;
        return { kind: "row", row: plan.row, renewed: false, unsaved: undefined };
      }

      async function renewOutside(task: RenewalTask): Promise<RenewalOutcome | undefined> {
        while (closing === undefined && !local.keepsPair()) {
          const { worker, isNew } = takeWorker();
          const order = { format: messageFormat, login, account: account(), task, site: options.site() };
          const answer = await worker.ask(order);
          if (answer.kind === "outcome") return answer.outcome;
          if (answer.kind === "ended") await worker.ended;
          // One that was at work for others may have finished in the moment it was asked.
          if (answer.kind === "ended" && !isNew) continue;
          if (closing !== undefined) break;
          log.warn(
            { account: account().id, reason: answer.reason },
            "a login is renewed in this process, where a kill can lose it: the process meant for it failed",
          );
          return undefined;
        }
        return undefined;
      }

      return {
        async run(task) {
          const isFree = !local.keepsPair() && worker?.keepsPairOf(login) !== true;
          const outcome = (isFree ? await findRenewed(task) : undefined) ?? (await renewOutside(task));
          if (outcome !== undefined) return outcome;
          if (closing === undefined || local.keepsPair()) return local.run(task);
          return failedWith("the relay is being stopped", task.known?.generation);
        },
        saveProject: (project) => local.saveProject(project),
        async close() {
          await Promise.all([close(), local.close()]);
        },
      };
    },
  };
}
