// Checks whether an account's kind can serve a call.

import type { Account } from "../accounts/account.ts";
import { isOfClients } from "../accounts/logins.ts";
import type { Call } from "../call.ts";
import { readClientLogin } from "../upstreams/client-login.ts";

export function canServe(account: Account, call: Call): boolean {
  const { type, kind, family } = account.config;
  if (family !== call.family) return false;
  if (call.onlyTypes && !call.onlyTypes.includes(type)) return false;
  if (isOfClients(account.config) && !account.passthrough && readClientLogin(call) === undefined)
    return false;
  return kind.upstream.supports(call);
}
