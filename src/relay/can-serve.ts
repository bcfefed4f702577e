// Whether an account is of a kind that can serve a call.

import type { Account } from "../accounts/account.ts";
import type { Call } from "../call.ts";
import { upstreamFor } from "../upstreams/registry.ts";

export function canServe(account: Account, call: Call): boolean {
  const { type, family } = account.config;
  if (family !== call.family) return false;
  if (call.onlyTypes && !call.onlyTypes.includes(type)) return false;
  return upstreamFor(type).supports(call);
}
