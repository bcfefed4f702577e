// A frame that is not taken: what its client hears of it when the connection ends, and the log and the events.

import type { Dialect, Route } from "../dialects/dialect.ts";
import { RelayError, type RelayErrorCode } from "../domain/errors.ts";
import { reportFault } from "../relay/deliver-relay-error.ts";
import type { RelayDeps } from "../relay/exchange.ts";
import type { Refusal } from "./frame-intake.ts";
import { closeCodes } from "./socket-sink.ts";

const refusals = {
  memory: {
    error: "memory_exhausted",
    code: closeCodes.tryAgain,
    reason: "Other requests' bodies take all of server.memory_mb; send the request again in a moment.",
  },
  large: {
    error: "body_too_large",
    code: closeCodes.tooBig,
    reason:
      "The request needs more memory than all of server.memory_mb; send less, or raise that in config.toml.",
  },
  slow: {
    error: "body_timeout",
    code: closeCodes.refused,
    reason: "The request's frame did not arrive in time; send the request again.",
  },
} satisfies Record<Refusal, { error: RelayErrorCode; code: number; reason: string }>;

/** The request has an id of its own, as one that was read has. */
export function reportRefusal(
  why: Refusal,
  { dialect, route }: { dialect: Dialect; route: Route },
  { deps, newId }: { deps: RelayDeps; newId(): string },
): { code: number; reason: string } {
  const { error, code, reason } = refusals[why];
  const request = newId();
  const relayError = new RelayError(error, reason);
  reportFault({ request, error: relayError, relayError }, deps);
  deps.events.emit("requestRefused", () => ({
    request,
    method: "GET",
    route: `${dialect.name}/${route.operation}`,
    error,
    status: dialect.renderError(relayError, { now: deps.now() }).status,
    detail: undefined,
  }));
  return { code, reason };
}
