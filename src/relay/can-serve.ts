// Whether an account is of a kind that can serve a call.

import type { Account } from "../accounts/account.ts";
import type { Call } from "../call.ts";

export function canServe(account: Account, call: Call): boolean {
  const { type, kind, family } = account.config;
  if (family !== call.family) return false;
  if (call.onlyTypes && !call.onlyTypes.includes(type)) return false;
  if (kind.credentials.length === 0 && !account.passthrough && call.clientCredential.length === 0)
    return false;
  return kind.upstream.supports(call);
}
