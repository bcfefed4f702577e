// The messages between a relay and its detached refresh process.
//
//     relay (detached-refreshes.ts, worker.ts)              refresh process (process.ts, service.ts)
//        |  starts it when a login has to be refreshed           |
//        |--- order: login, provider, task, site --------------->|  takes the login's lock, asks the provider,
//        |<-- log ------------------------------------------------|  writes the new pair
//        |<-- outcome: the new row ------------------------------|
//        |      ... with a pair that no disk takes: -------------|  keeps it, and the lock, and tries again
//        |<-- saved ---------------------------------------------|
//        |<-- unable: a reason of ours --------------------------|  the relay refreshes by itself
//        |                                                       |  ends when it has nothing to do
//        x  killed: the channel closes                           |  finishes what has begun, then ends

import type { OAuthProvider } from "../../account-kinds/oauth-provider.ts";
import type { Config } from "../../config/config.ts";
import { isObject } from "../../json/json-values.ts";
import type { RefreshTask } from "../../oauth/local-runner.ts";
import type { RefreshOutcome } from "../../oauth/refresh.ts";
import type { LoginAccount } from "../../oauth/tokens.ts";

/** Counted up with every change of these types: a package that is replaced under a running relay starts newer processes than it. */
export const messageFormat = 3;

export interface RefreshOrder {
  format: number;
  /** Names the login in both directions; it has one order under way at most. */
  login: string;
  account: Pick<LoginAccount, "id" | "secret" | "proxy">;
  /** Where its refresh token came from, overrides of the configuration applied. */
  provider: OAuthProvider;
  task: RefreshTask;
  site: RefreshSite;
}

/** What the process works with. It keeps to its first order's. */
export interface RefreshSite {
  databasePath: string;
  /** How long it waits for others that write to the database; the store's own limit when absent. */
  busyTimeoutMs?: number;
  connectTimeoutMs: number;
  environmentProxy: Config["environmentProxy"];
}

export type RefreshReport =
  | { kind: "log"; level: "debug" | "info" | "warn" | "error"; fields: object; message: string }
  /** On the disk, unless it says otherwise: then the process lives on and keeps the pair until `saved`. */
  | { kind: "outcome"; login: string; outcome: RefreshOutcome }
  | { kind: "saved"; login: string }
  /** The order was not carried out, for a reason of ours: the provider has said nothing. */
  | { kind: "unable"; login: string; reason: string };

/** Whether a message is an order of a relay that speaks as this process does. */
export function isOrder(message: unknown): message is RefreshOrder {
  return isObject(message) && message.format === messageFormat;
}

export function isReport(message: unknown): message is RefreshReport {
  return isObject(message) && typeof message.kind === "string";
}
