// Notifies the receivers of `[[notify]]`: looks when something may have changed, and keeps what was sent in the store.

import { cooldownFor, needsPerson } from "../accounts/account.ts";
import type { Pool } from "../accounts/pool.ts";
import { readStatus } from "../accounts/state.ts";
import type { Config } from "../config/config.ts";
import type { Situation } from "../notify/notices.ts";
import { createNotifier } from "../notify/notifier.ts";
import { createNotifyDispatchers } from "../notify/send.ts";
import type { RelayDeps } from "../relay/exchange.ts";
import type { StorageState, Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import { redact, type SecretList } from "../text/redact.ts";
import type { LateUsage } from "./database-writes.ts";

export interface Notifications {
  /** Something may have changed. */
  changed(): void;
  configure(next: Config): void;
  close: () => Promise<void>;
}

export interface NotificationParts {
  store: Store;
  usage: Pick<LateUsage, "trouble">;
  deps: Pick<RelayDeps, "events" | "now" | "monotonic" | "timers">;
  pool: Pool;
  log: Log;
  secrets: SecretList | undefined;
}

export async function startNotifications(
  { store, usage, deps, pool, log, secrets }: NotificationParts,
  config: () => Config,
): Promise<Notifications> {
  const { now, monotonic, timers, events } = deps;
  const dispatchers = createNotifyDispatchers(config());
  const answeredAt = new Map<string, number>();
  const known = await store.notices.list();
  const notifier = createNotifier({
    receivers: config().notify,
    situation: () => ({
      accounts: pool.accounts.map((account) => {
        const { id, family } = account.config;
        const cooldown = cooldownFor(account, "", now());
        return {
          ...{ id, family },
          status: readStatus(account, { ...config().session, now: now() }),
          windows: [...account.windows.values()],
          needsPerson: cooldown !== undefined && needsPerson(cooldown.kind),
          answeredAt: answeredAt.get(id),
        };
      }),
      ...storageOf(store.storage(), usage.trouble()),
    }),
    dispatcherFor: dispatchers.for,
    redact: (text) => redact(text, secrets?.list()),
    remembered: new Map(known.map(({ receiver, ...memory }) => [receiver, memory])),
    remember(memories) {
      const rows = [...memories].map(([receiver, { lasting, sentAt }]) => ({ receiver, lasting, sentAt }));
      store.notices.replace(rows).catch((error: unknown) => {
        log.warn({ err: String(error) }, "what was notified could not be written to the database");
      });
    },
    ...{ now, monotonic, timers, log },
  });
  const stops = [
    events.on("accountChanged", notifier.changed),
    events.on("requestFinished", ({ row: { account, outcome, status }, isFree }) => {
      if (outcome === "complete" && status < 400 && !isFree) answeredAt.set(account, now());
      // Windows come with answers.
      notifier.changed();
    }),
    store.onStorageChange(notifier.changed),
  ];
  return {
    changed: notifier.changed,
    configure: (next) => notifier.configure(next.notify),
    async close() {
      for (const stop of stops) stop();
      notifier.close();
      await dispatchers.close();
    },
  };
}

/** A disk that becomes full under an open database is met by what is written. */
function storageOf(
  state: StorageState,
  trouble: string | undefined,
): Pick<Situation, "storage" | "madeAnew"> {
  if (state.kind === "memory") return { storage: state };
  const storage = trouble === undefined ? state : ({ kind: "memory", reason: trouble } as const);
  return { storage, madeAnew: state.madeAnew };
}
