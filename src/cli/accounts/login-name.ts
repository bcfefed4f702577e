// What a client's own login is called in a listing: the account's id and the beginning of the login's hash.

import type { LoginView } from "../../documents/account.ts";

export function loginName(accountId: string, { hash }: Pick<LoginView, "hash">): string {
  return `${accountId} ${hash.slice(0, 4)}`;
}
