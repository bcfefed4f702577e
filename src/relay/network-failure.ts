// Classifies what a connection to a provider threw: whose fault it is, and whether the request may be sent again.

import { RelayError } from "../domain/errors.ts";
import type { Failure } from "../domain/failure.ts";
import { readNetworkFault } from "../network/faults.ts";

/** @param isAtWork the provider has the whole request. */
export function failureOf(error: Error, isAtWork: boolean): Failure {
  if (error.name === "TimeoutError") {
    return { kind: "unreachable", cause: error, safeToRepeat: false, isAtWork };
  }
  // The relay's own memory is used up.
  if (error instanceof RelayError) return { kind: "shortage", cause: error };
  const fault = readNetworkFault(error);
  const cause = new Error(fault.message, { cause: error });
  if (fault.kind === "proxy" || fault.kind === "shortage") return { kind: fault.kind, cause };
  return { kind: "unreachable", cause, safeToRepeat: fault.safeToRepeat };
}
