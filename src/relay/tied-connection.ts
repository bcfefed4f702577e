// What the pipeline has to know of a client's connection that is longer than one request, and open to one account meanwhile.

import type { Account } from "../accounts/account.ts";
import type { Call } from "../domain/call.ts";

export interface TiedConnection {
  /** The account that it is open to, whose memory holds what requests over it continue; undefined: to none. */
  readonly accountId: string | undefined;
  /** It is only being opened: no request has come over it yet. */
  readonly isOpening: boolean;
  /** Whether it can be opened to this account. */
  canLeadTo(account: Account, call: Call): boolean;
  /** Whether a continuation may leave the account: its client sends everything again after an error which says that the account has lost it. */
  mayLeave(account: Account | undefined): boolean;
  /** A continuation leaves the account. */
  leaves(accountId: string): void;
}
