// Endpoints that an account's host does not have: remembered for a day, so that no request is spent on finding it out again.

import type { Account } from "../accounts/account.ts";
import type { Call } from "../domain/call.ts";
import type { Failure } from "../domain/failure.ts";

const dayMs = 86_400_000;

export function lacksEndpoint({ missing }: Account, call: Call, now: number): boolean {
  return missing.size > 0 && (missing.get(endpointOf(call)) ?? 0) > now;
}

/**
 * Whether the answer says that the host of a compatible account has no such endpoint; the provider's own host has. A 404 that is
 * in the API's own form is about what was asked for, but for counting, which many hosts do not have.
 */
export function isMissingEndpoint(
  { account: { config }, failure }: { account: Pick<Account, "config">; failure: Failure },
  { operation }: Pick<Call, "operation">,
  status: number | undefined,
): boolean {
  if (!config.kind.compatible || config.apiUrl === config.kind.defaultUrl) return false;
  if (status === 405 || status === 501) return true;
  if (status !== 404 || failure.kind !== "rejected") return false;
  return operation === "count-tokens" || failure.isUnworded === true;
}

export function rememberMissing({ missing }: Account, call: Call, now: number): void {
  missing.set(endpointOf(call), now + dayMs);
}

function endpointOf({ dialect, operation }: Call): string {
  return `${dialect}/${operation}`;
}
