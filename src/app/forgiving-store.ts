// What the relay learns of accounts and conversations stands in memory first. A database that takes no writes (a full disk,
// another program's lock) costs the next start what was learned, but no request its answer.

import type { Log } from "../log.ts";
import type { AccountStore, BindingStore, Store } from "../store/store.ts";

/** The store's writes of learned things, which are logged when they fail and never reject. */
export function forgiveWrites(store: Store, log: Log): { accounts: AccountStore; bindings: BindingStore } {
  const { accounts, bindings } = store;
  async function forgive(write: Promise<void>): Promise<void> {
    try {
      await write;
    } catch (error) {
      log.error({ err: String(error) }, "what was learned could not be written to the database");
    }
  }
  return {
    accounts: {
      ...accounts,
      saveState: (row) => forgive(accounts.saveState(row)),
      saveRest: (row) => forgive(accounts.saveRest(row)),
      clearRests: (id, scope) => forgive(accounts.clearRests(id, scope)),
    },
    bindings: {
      ...bindings,
      save: (row) => forgive(bindings.save(row)),
      dropAccount: (id) => forgive(bindings.dropAccount(id)),
    },
  };
}
