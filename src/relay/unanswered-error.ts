// Writes the error for a client when the last account gave no answer that may be passed on: what failed, where, and what to do.

import type { Account } from "../accounts/account.ts";
import { type Call, isStreamedToClient } from "../domain/call.ts";
import { RelayError } from "../domain/errors.ts";
import type { Failure } from "../domain/failure.ts";
import { addressOf } from "../upstreams/client.ts";
import { isSentOnce } from "./consequences.ts";
import type { FailoverState } from "./failover-state.ts";

export interface UnansweredContext {
  call: Call;
  now: number;
  /** Whether the request could go to this one account only. */
  isRequired: boolean;
  /** Where the account's requests go. */
  addressOf(account: Account): string;
}

export function contextOf({ call, deps, routing }: FailoverState): UnansweredContext {
  const { providerUrls } = deps.config().upstream;
  return {
    call,
    now: deps.now(),
    isRequired: (routing.pinned ?? routing.required) !== undefined,
    addressOf: ({ config }) => addressOf(config, call, providerUrls),
  };
}

export function unansweredError(
  { account, failure }: { account: Account; failure: Failure },
  { call, now, isRequired, addressOf }: UnansweredContext,
): RelayError {
  const { id } = account.config;
  const { hostname } = new URL(addressOf(account));
  switch (failure.kind) {
    case "edge-refused": {
      const ray = failure.ray === undefined ? "" : `, ray id ${failure.ray}`;
      return new RelayError(
        "edge_refused",
        `The edge of ${hostname}, a firewall in front of the provider, refused the request on account ${id} (${failure.reason}${ray}); try again later, or give the account a proxy.`,
      );
    }
    case "server-error":
      return failure.isOfEdge
        ? new RelayError(
            "edge_refused",
            `The edge of ${hostname} could not get an answer from the provider on account ${id} (${failure.reason}); try again later.`,
          )
        : invalidError(hostname, id, failure);
    case "unreadable":
      return new RelayError(
        "upstream_invalid",
        `What ${hostname} answered on account ${id} cannot be used (${failure.reason}); ask for less${isStreamedToClient(call) ? "" : ", or for it as a stream"}.`,
      );
    case "unreachable":
      if (failure.isAtWork || failure.cause.name === "TimeoutError") {
        return timeoutError(hostname, id, failure.hasBegun ? "idle" : firstLimitOf(call));
      }
      return unreachableError(hostname, id, failure.cause);
    case "proxy":
      return unreachableError(hostname, id, failure.cause);
    case "unauthorized":
    case "login-revoked":
    case "refresh-rejected":
    case "account-out":
      return new RelayError(
        "needs_login",
        `The account ${id} needs a login: its credential was refused (${failure.reason}); see \`cc-relay accounts list\`.`,
        { shouldRetry: false },
      );
    // What is free begins no cooldown that could be reported in its place.
    case "rate-limited":
      return new RelayError(
        isRequired ? "account_in_cooldown" : "all_limited",
        `The account ${id} is at its limit (${failure.reason}); wait, or use another account.`,
        { retryAfterSeconds: Math.max(Math.ceil(((failure.until ?? now) - now) / 1000), 1) },
      );
    case "model-denied":
      return new RelayError(
        "unknown_model",
        `The account ${id} may not use this model (${failure.reason}); choose another model, or see \`cc-relay accounts list\`.`,
        { param: "model" },
      );
    default:
      return invalidError(hostname, id, failure);
  }
}

function invalidError(hostname: string, id: string, failure: Failure): RelayError {
  return new RelayError(
    "upstream_invalid",
    `${hostname} gave no usable answer on account ${id} (${"reason" in failure ? failure.reason : failure.kind}); send the request again.`,
  );
}

function firstLimitOf(call: Call): "unstreamed" | "first_byte" {
  return isSentOnce(call) ? "unstreamed" : "first_byte";
}

function timeoutError(hostname: string, id: string, limit: "unstreamed" | "first_byte" | "idle"): RelayError {
  const setting = `${limit}_timeout_seconds`;
  return new RelayError(
    "upstream_timeout",
    `${hostname} did not answer on account ${id} in time; it may still be at work on the request, so it was not sent again. Stream the answer, or raise upstream.${setting} in config.toml.`,
  );
}

function unreachableError(hostname: string, id: string, cause: Error): RelayError {
  return new RelayError(
    "upstream_unreachable",
    `${hostname} could not be reached on account ${id} (${cause.message}); check the network with \`cc-relay doctor\`.`,
    { cause },
  );
}
