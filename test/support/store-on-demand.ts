// A connection to a database that is opened when it is first asked something.

import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";

/** What has asynchronous methods alone. */
const groups = [
  "accounts",
  "bindings",
  "tokens",
  "usage",
  "requests",
  "daemon",
  "recoveries",
  "notices",
] as const;

export type StoreOnDemand = Pick<Store, (typeof groups)[number] | "close">;

type Methods = Record<string | symbol, (...given: unknown[]) => unknown>;

/** Opening costs as much as a relay's own start, and most tests ask nothing. */
export function openOnDemand(path: string): StoreOnDemand {
  let opened: Promise<Store> | undefined;
  const open = () => (opened ??= openSqliteStore(path));
  const entries = groups.map((name) => {
    const group = new Proxy<Methods>(
      {},
      {
        get:
          (_, method) =>
          async (...given: unknown[]) =>
            ((await open())[name] as unknown as Methods)[method]!(...given),
      },
    );
    return [name, group];
  });
  return {
    ...(Object.fromEntries(entries) as Omit<StoreOnDemand, "close">),
    close: async () => (await opened)?.close(),
  };
}
