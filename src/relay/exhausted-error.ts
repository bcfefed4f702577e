// Writes the error for a client when no account is left: one sentence that says what happened, until when, and what to do.

import type { Exhausted } from "../accounts/exhausted.ts";
import type { Call } from "../domain/call.ts";
import { RelayError } from "../domain/errors.ts";
import { familyNames } from "../domain/family.ts";
import { duration, rfc3339 } from "../text/format.ts";
import { missingLogin } from "../upstreams/client-login.ts";
import { loginKind } from "../upstreams/kinds.ts";
import type { Unfit } from "./can-serve.ts";

export interface ExhaustedContext {
  call: Call;
  now: number;
  /** The id of the one account that the request could go to; undefined when any would have done. */
  only: string | undefined;
  /**
   * Whether accounts of the family are enabled, and whether one of them is of a kind that has the operation; `without-login`:
   * one that could serve the request if the client had sent a login of its own; `without-endpoint`: one whose host does not
   * have this endpoint.
   */
  kinds: "none" | "unfit" | "without-login" | "without-endpoint" | "fit";
  /** Accounts that could have answered a smaller or simpler request. */
  leftOut: readonly { id: string; unfit: Unfit }[];
}

export function exhaustedError(
  exhausted: Exhausted,
  { call, now, only, kinds, leftOut }: ExhaustedContext,
): RelayError {
  const others = leftOut.map(({ id, unfit }) => `, and ${id} ${whyLeftOut(unfit)}`).join("");
  const family = familyNames[call.family];
  const isRequired = only !== undefined;
  switch (exhausted.kind) {
    case "no-account":
      if (kinds !== "fit" && call.excludesLogins) return needsKeyError(call);
      if (kinds === "unfit") return unsupportedError(call);
      if (kinds === "without-endpoint") return noEndpointError(call);
      if (kinds === "without-login") return noLoginError(call, only);
      if (isRequired) return unfitError(only, call);
      return kinds === "fit" && others === "" ? leftOutError(call) : noAccountError(call, others);
    case "tried":
      return new RelayError(
        "upstream_unreachable",
        `No ${family} account could answer; send the request again.`,
      );
    case "limited": {
      const { account, until, isCommon } = exhausted;
      const { id } = account.config;
      const end = when(until, now);
      const what = isRequired
        ? `The account ${id} that this request belongs to is at its limit until ${end}`
        : isCommon
          ? `Every ${family} account is at its limit until ${end}, ${id} is back first`
          : `No ${family} account can answer until ${end}, when the limit of ${id} ends`;
      return new RelayError(
        isRequired ? "account_in_cooldown" : "all_limited",
        `${what}${others}; wait, or add an account with \`cc-relay login ${call.family}\`.`,
        waiting(until, now),
      );
    }
    case "capacity": {
      const { account, cooldown, until, isCommon } = exhausted;
      const { id } = account.config;
      const what = isRequired
        ? `The provider does not answer on the account ${id} that this request belongs to`
        : isCommon
          ? `The provider does not answer on any ${family} account`
          : `No ${family} account can answer, and ${id} is back first`;
      return new RelayError(
        isRequired ? "account_in_cooldown" : "over_capacity",
        `${what} (${cooldown.reason})${others}; try again after ${when(until, now)}.`,
        waiting(until, now),
      );
    }
    case "model-denied":
      return new RelayError(
        "unknown_model",
        `No ${family} account may use ${call.model?.slice(0, 100) ?? "this model"} (${exhausted.cooldown.reason}); choose another model, or see \`cc-relay accounts list\`.`,
        { param: "model" },
      );
    case "credentials":
      return new RelayError(
        "needs_login",
        isRequired
          ? `The account ${exhausted.account.config.id} that this request belongs to needs a login: its credential was refused (${exhausted.cooldown.reason}); see \`cc-relay accounts list\`.`
          : `Every ${family} account needs a login: its credential was refused (${exhausted.account.config.id}: ${exhausted.cooldown.reason}); see \`cc-relay accounts list\`.`,
        { shouldRetry: false },
      );
  }
}

/** By a rule of the relay's own: there the kind of account is missing, not the operation. */
function needsKeyError({ family }: Call): RelayError {
  return new RelayError(
    "no_account",
    `This API needs a ${familyNames[family]} account with an API key, and none is ready: a ${familyNames[family]} login covers ${familyNames[family]} clients only; see \`cc-relay accounts list\`, or add a key with \`cc-relay login ${family} --api-key\`.`,
    { shouldRetry: false },
  );
}

/** Claude Code counts by itself after a 404. */
function noEndpointError({ path, family }: Call): RelayError {
  return new RelayError(
    "not_found",
    `The host of the ${familyNames[family]} account here does not offer ${path.slice(0, 100)}.`,
    { shouldRetry: false },
  );
}

function noLoginError(call: Call, only: string | undefined): RelayError {
  const { family } = call;
  const account = only === undefined ? `${familyNames[family]} account of this relay` : `account ${only}`;
  return new RelayError(
    "no_account",
    `The ${account} is the client's own login, and ${missingLogin(call)}, or add an account with \`cc-relay login ${family}\`.`,
    { shouldRetry: false },
  );
}

function whyLeftOut(unfit: Unfit): string {
  return unfit.kind === "content"
    ? `does not take ${unfit.what.replaceAll("_", " ")} content (its refuses)`
    : "has a context_window that is too small for this request";
}

function noAccountError(call: Call, others: string): RelayError {
  return new RelayError(
    "no_account",
    `No enabled ${familyNames[call.family]} account can serve ${subjectOf(call)}${others}; add one with \`cc-relay login ${call.family}\`, or see \`cc-relay accounts list\`.`,
    { shouldRetry: false },
  );
}

/** There are accounts for it, and what they are set to serve does not hold this model. */
function leftOutError(call: Call): RelayError {
  return new RelayError(
    "no_account",
    `No enabled ${familyNames[call.family]} account can serve ${subjectOf(call)}: their models or model_map in config.toml leave it out; change these, or add an account with \`cc-relay login ${call.family}\`.`,
    { shouldRetry: false },
  );
}

function unfitError(id: string, call: Call): RelayError {
  return new RelayError(
    "no_account",
    `The account ${id} that this request belongs to cannot serve ${subjectOf(call)}; see its type and its models in config.toml.`,
    { shouldRetry: false },
  );
}

function subjectOf({ model }: Call): string {
  return model === undefined ? "this request" : JSON.stringify(model.slice(0, 100));
}

/** A family's kinds of account may complement each other: some operations need a login, others a key. */
function unsupportedError(call: Call): RelayError {
  const login = loginKind(call.family);
  const needsLogin = login?.upstream.supports(call) === true;
  const command = `cc-relay login ${call.family}${needsLogin ? "" : " --api-key"}`;
  return new RelayError(
    "not_supported",
    `No ${familyNames[call.family]} account here offers ${call.path.slice(0, 100)}; add one with \`${command}\`.`,
    { shouldRetry: false },
  );
}

function waiting(until: number, now: number): { retryAfterSeconds: number } {
  return { retryAfterSeconds: Math.max(Math.ceil((until - now) / 1000), 1) };
}

function when(until: number, now: number): string {
  return `${rfc3339(Math.ceil(until / 1000) * 1000)} (in ${duration(Math.max(until - now, 1000))})`;
}
