// Keeps what the relay learns of accounts and conversations in memory first. A database that takes no writes (a full disk,
// another program's lock) costs the next start what was learned, but no request its answer or its time.

import type { AccountStore, BindingStore, Store } from "../store/store.ts";
import type { Log } from "../telemetry/log.ts";
import type { WriteWait } from "./write-wait.ts";

/** The store's writes of learned things, which are logged when they fail and never reject. */
export function forgiveWrites(
  { accounts, bindings }: Pick<Store, "accounts" | "bindings">,
  { wait, log }: { wait: WriteWait; log: Log },
): { accounts: AccountStore; bindings: BindingStore } {
  async function forgive(write: Promise<void>): Promise<void> {
    const written = write.catch((error: unknown) => {
      log.error({ err: String(error) }, "what was learned could not be written to the database");
    });
    await wait.for(written);
  }
  return {
    accounts: {
      ...accounts,
      saveState: (row) => forgive(accounts.saveState(row)),
      saveCooldown: (row) => forgive(accounts.saveCooldown(row)),
      forget: (id) => forgive(accounts.forget(id)),
      clearCooldowns: (id, scope) => forgive(accounts.clearCooldowns(id, scope)),
    },
    bindings: {
      ...bindings,
      save: (row) => forgive(bindings.save(row)),
      dropAccount: (id) => forgive(bindings.dropAccount(id)),
    },
  };
}
