// The parts of a store whose file may be another one from one call to the next.

import type { Store } from "./store.ts";

/** Runs work with the store that is the right one at the time. */
type Use = <T>(work: (store: Store) => Promise<T>) => Promise<T>;

/** The parts of the store whose calls may be tried again in another file. */
export function learnedThrough(
  use: Use,
): Pick<Store, "accounts" | "bindings" | "requests" | "recoveries" | "notices"> {
  return {
    accounts: {
      states: (only) => use((store) => store.accounts.states(only)),
      saveState: (row) => use((store) => store.accounts.saveState(row)),
      cooldowns: (only) => use((store) => store.accounts.cooldowns(only)),
      saveCooldown: (row) => use((store) => store.accounts.saveCooldown(row)),
      clearCooldowns: (id, scope) => use((store) => store.accounts.clearCooldowns(id, scope)),
      forgetLearned: (id, now) => use((store) => store.accounts.forgetLearned(id, now)),
      forget: (id) => use((store) => store.accounts.forget(id)),
      loginKey: () => use((store) => store.accounts.loginKey()),
    },
    bindings: {
      load: (now, max) => use((store) => store.bindings.load(now, max)),
      save: (row) => use((store) => store.bindings.save(row)),
      dropAccount: (id) => use((store) => store.bindings.dropAccount(id)),
      prune: (now, limit) => use((store) => store.bindings.prune(now, limit)),
      trim: (max, limit) => use((store) => store.bindings.trim(max, limit)),
    },
    requests: {
      last: (query) => use((store) => store.requests.last(query)),
      find: (id) => use((store) => store.requests.find(id)),
      newest: () => use((store) => store.requests.newest()),
      after: (seq, query) => use((store) => store.requests.after(seq, query)),
    },
    recoveries: {
      list: () => use((store) => store.recoveries.list()),
      save: (row) => use((store) => store.recoveries.save(row)),
    },
    notices: {
      list: () => use((store) => store.notices.list()),
      replace: (rows) => use((store) => store.notices.replace(rows)),
    },
  };
}
