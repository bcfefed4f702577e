// What a client is told when no account is left: one sentence that says what happened, until when, and what to do.

import type { Account } from "../accounts/account.ts";
import type { Exhausted } from "../accounts/exhausted.ts";
import type { Call } from "../call.ts";
import { RelayError } from "../errors.ts";
import type { Failure } from "../failure.ts";
import { familyNames } from "../family.ts";
import { duration, rfc3339 } from "../terminal/format.ts";

export interface ExhaustedContext {
  call: Call;
  now: number;
  /** The request could go to one account only. */
  isTied: boolean;
  /** Accounts of the family are enabled, and none of their kinds has the operation. */
  isUnsupported: boolean;
}

export function exhaustedError(
  exhausted: Exhausted,
  { call, now, isTied, isUnsupported }: ExhaustedContext,
): RelayError {
  const family = familyNames[call.family];
  switch (exhausted.kind) {
    case "no-account":
      return isUnsupported ? unsupportedError(call) : noAccountError(call);
    case "tried":
      return new RelayError(
        "upstream_unreachable",
        `No ${family} account could answer; send the request again.`,
      );
    case "limited": {
      const { account, until } = exhausted;
      const who = isTied
        ? `The account ${account.config.id} that this request belongs to is`
        : `Every ${family} account is`;
      const first = isTied ? "" : `, ${account.config.id} is back first`;
      return new RelayError(
        isTied ? "account_resting" : "all_limited",
        `${who} at its limit until ${when(until, now)}${first}; wait, or add an account with \`cc-relay login ${call.family}\`.`,
        waiting(until, now),
      );
    }
    case "capacity": {
      const { account, rest, until } = exhausted;
      const who = isTied
        ? `the account ${account.config.id} that this request belongs to`
        : `any ${family} account`;
      return new RelayError(
        isTied ? "account_resting" : "over_capacity",
        `The provider does not answer on ${who} (${rest.reason}); try again after ${when(until, now)}.`,
        waiting(until, now),
      );
    }
    case "model-denied":
      return new RelayError(
        "unknown_model",
        `No ${family} account may use ${call.model?.slice(0, 100) ?? "this model"} (${exhausted.rest.reason}); choose another model, or see \`cc-relay accounts list\`.`,
        { param: "model" },
      );
    case "credentials":
      return new RelayError(
        "needs_login",
        isTied
          ? `The account ${exhausted.account.config.id} that this request belongs to was refused by its provider (${exhausted.rest.reason}); see \`cc-relay accounts list\`.`
          : `Every ${family} account was refused by its provider (${exhausted.account.config.id}: ${exhausted.rest.reason}); see \`cc-relay accounts list\`.`,
        { shouldRetry: false },
      );
  }
}

export function unreachableError(account: Account, failure: Failure): RelayError {
  const reason = "cause" in failure ? failure.cause.message : failure.kind;
  const cause = "cause" in failure ? failure.cause : undefined;
  const isTimeout = cause?.name === "TimeoutError";
  const { hostname } = new URL(account.config.apiUrl);
  return new RelayError(
    isTimeout ? "upstream_timeout" : "upstream_unreachable",
    `${hostname} could not be reached on account ${account.config.id} (${reason}); check the network with \`cc-relay doctor\`.`,
    { cause },
  );
}

function noAccountError(call: Call): RelayError {
  const family = familyNames[call.family];
  if (call.dialect === "chat") {
    return new RelayError(
      "no_account",
      "Chat Completions need an account of type claude-api, and none is ready: a Claude login covers Claude clients only; see `cc-relay accounts list`, or add a key with `cc-relay login claude --api-key`.",
      { shouldRetry: false },
    );
  }
  const what = call.model === undefined ? "this request" : JSON.stringify(call.model.slice(0, 100));
  return new RelayError(
    "no_account",
    `No enabled ${family} account can serve ${what}; add one with \`cc-relay login ${call.family}\`, or see \`cc-relay accounts list\`.`,
    { shouldRetry: false },
  );
}

/** Google's two kinds of account complement each other: logins speak Code Assist only, keys everything else. */
function unsupportedError(call: Call): RelayError {
  const isCodeAssist = call.operation === "code-assist" || call.path.startsWith("/v1internal");
  const login = `cc-relay login ${call.family}${isCodeAssist ? "" : " --api-key"}`;
  return new RelayError(
    "not_supported",
    `No ${familyNames[call.family]} account here offers ${call.path.slice(0, 100)}; add one with \`${login}\`.`,
    { shouldRetry: false },
  );
}

function waiting(until: number, now: number): { retryAfterSeconds: number } {
  return { retryAfterSeconds: Math.max(Math.ceil((until - now) / 1000), 1) };
}

function when(until: number, now: number): string {
  return `${rfc3339(Math.ceil(until / 1000) * 1000)} (in ${duration(Math.max(until - now, 1000))})`;
}
