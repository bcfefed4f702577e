// Checks whether an account can serve a call, and says why not.

import { isOfClients } from "../account-kinds/account-kind.ts";
import type { Account } from "../accounts/account.ts";
import { bodyBytes, type Call, readableBody } from "../domain/call.ts";
import { matchesModel } from "../domain/model-scope.ts";
import { readClientLogin } from "../upstreams/client-login.ts";
import { findRefusedContent } from "../upstreams/content-kinds.ts";
import { lacksEndpoint } from "./missing-endpoints.ts";

export type Unfit =
  /** Of another family, or a login where only an API key may serve. */
  | { kind: "type" }
  /** It is the client's own login, and the request carries none. */
  | { kind: "login" }
  | { kind: "operation" }
  /** Its model_map has no name for the model. */
  | { kind: "model" }
  /** Its host answers this endpoint with 404, 405 or 501, or does not have it by its settings. */
  | { kind: "endpoint" }
  /** Larger than its context_window. */
  | { kind: "size" }
  /** Holds what it refuses. */
  | { kind: "content"; what: string };

export function canServe(account: Account, call: Call, now: number): boolean {
  return findUnfit(account, call, now) === undefined;
}

/** Undefined: it can serve the call. What costs least to find out comes first. */
export function findUnfit(account: Account, call: Call, now: number): Unfit | undefined {
  const { kind, family, modelMap, contextWindow, refuses } = account.config;
  if (family !== call.family) return { kind: "type" };
  if (call.excludesLogins && !kind.credentials.includes("api_key")) return { kind: "type" };
  if (!kind.upstream.supports(call)) return { kind: "operation" };
  if (isOfClients(account.config) && !account.passthrough && readClientLogin(call) === undefined)
    return { kind: "login" };
  const patterns = modelMap?.map(({ pattern }) => pattern);
  if (!matchesModel(patterns, call.model)) return { kind: "model" };
  if (lacksEndpoint(account, call, now)) return { kind: "endpoint" };
  if (call.operation === "count-tokens" && refuses.includes("count_tokens")) return { kind: "endpoint" };
  if (contextWindow !== undefined && bodyBytes(call.decodedBody ?? call.body) / bytesPerToken > contextWindow)
    return { kind: "size" };
  // A body in several pieces is joined for it, which costs as much as relaying it.
  const body = refuses.length > 0 ? readableBody(call) : undefined;
  const what = body && findRefusedContent(body, refuses);
  return what === undefined ? undefined : { kind: "content", what };
}

/** Few texts have less; without a tokenizer it is an estimate that errs on the side of the larger window. */
const bytesPerToken = 3;
