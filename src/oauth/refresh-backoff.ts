// How long the token endpoint is not asked again after a refresh that failed.

import type { TokenReply } from "./token-request.ts";

const backoffBaseMs = 5_000;
/** The token endpoint throttles or is ill: asking more often makes it worse. */
const backoffLimitMs = 300_000;
/** Nobody was reached, so nobody is bothered; a line that is back should be noticed. */
const unreachableLimitMs = 30_000;
/** Descriptors and ports come back as soon as other requests end. */
const shortageMs = 2_000;
/** How long a login that needs a person is not asked for again; the accounts' own cooldown is longer. */
const deadMs = 60_000;
/** The most that is waited because the endpoint asks for it. */
const maxAskedMs = 3_600_000;

/** `failures`: how many there have been in a row, this one included. In ms. */
export function refreshBackoffMs(failure: (TokenReply & { ok: false })["failure"], failures: number): number {
  const growing = backoffBaseMs * 2 ** Math.min(failures - 1, 10);
  switch (failure.kind) {
    case "revoked":
    case "rejected":
      return deadMs;
    case "shortage":
      return shortageMs;
    case "proxy":
    case "unreached":
      return Math.min(growing, unreachableLimitMs);
    case "temporary":
    case "throttled":
    case "aborted":
      return Math.max(Math.min(growing, backoffLimitMs), Math.min(failure.retryAfterMs ?? 0, maxAskedMs));
  }
}
