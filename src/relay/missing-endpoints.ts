// Endpoints that an account's host does not have: remembered for a day, or until a restart, so that no request is spent on finding it out
// again.

import type { Account } from "../accounts/account.ts";
import { findCompatibleHost } from "../config/compatible-hosts.ts";
import type { Call } from "../domain/call.ts";
import type { Failure } from "../domain/failure.ts";

const dayMs = 86_400_000;

export function lacksEndpoint({ missing }: Account, call: Call, now: number): boolean {
  return missing.size > 0 && (missing.get(endpointOf(call)) ?? 0) > now;
}

/**
 * Whether the answer says that the host of a compatible account has no such endpoint. The provider's own host has all of them, and
 * so has a mirror of it: there one odd answer would take the account out for a day. A 404 that is in the API's own form is about
 * what was asked for, but for counting, which many hosts do not have.
 */
export function isMissingEndpoint(
  { account: { config }, failure }: { account: Pick<Account, "config">; failure: Failure },
  { operation }: Pick<Call, "operation">,
  status: number | undefined,
): boolean {
  if (!isCompatible(config)) return false;
  if (status === 405 || status === 501) return true;
  if (status !== 404 || failure.kind !== "rejected") return false;
  return operation === "count-tokens" || failure.isUnworded === true;
}

function isCompatible({ kind, apiUrl, onlyWhenOut, modelMap }: Account["config"]): boolean {
  if (!kind.compatible || apiUrl === kind.defaultUrl) return false;
  return onlyWhenOut || modelMap !== undefined || findCompatibleHost(apiUrl) !== undefined;
}

/** False: it has given good answers, and one that says otherwise is an odd one. */
export function rememberMissing({ missing, offered }: Account, call: Call, now: number): boolean {
  if (offered.has(endpointOf(call))) return false;
  missing.set(endpointOf(call), now + dayMs);
  return true;
}

export function rememberOffered({ offered }: Account, call: Call): void {
  offered.add(endpointOf(call));
}

function endpointOf({ dialect, operation }: Call): string {
  return `${dialect}/${operation}`;
}
