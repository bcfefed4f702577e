// Deletes from the store and from memory what is too old or too much, in small steps.

import { type Bindings, maxBindings } from "../accounts/bindings.ts";
import type { Config } from "../config/config.ts";
import type { Store } from "../store/store.ts";
import type { Clock } from "../time/clock.ts";
import { createSettledTime } from "../time/settled-time.ts";

interface MaintenanceOptions {
  store: Pick<Store, "usage" | "bindings">;
  bindings: Pick<Bindings, "prune">;
  config(): Pick<Config, "usage">;
  clock: Clock;
}

/** Returns the work of one round. The time settles from now on. */
export function createMaintenance({ store, bindings, config, clock }: MaintenanceOptions) {
  const settledTime = createSettledTime(clock);
  settledTime();
  return async (): Promise<void> => {
    const settled = settledTime();
    while (await store.usage.maintain(clock.now(), config().usage.retentionMs)) await pause();
    bindings.prune(settled);
    while ((await store.bindings.prune(settled, 500)) === 500) await pause();
    while ((await store.bindings.trim(maxBindings, 500)) === 500) await pause();
  };
}

/** Lets open streams go on between two steps. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
