// One request as `/status`, `log --json` and the page show it.

import type { AttemptRow } from "../store/usage-store.ts";
import { type TokenCounts, totalOf } from "../usage/observer.ts";
import type { RequestDetailDocument, RequestDocument, TokensDocument } from "./types.ts";

/** What is known of a request; undefined while it runs, or where nobody knows. */
export interface RequestView {
  id: string;
  /** Epoch ms. */
  time: number;
  client: string;
  family: string;
  route: string;
  model: string;
  sentModel: string | undefined;
  account: string | undefined;
  path: readonly string[];
  status: number | undefined;
  outcome: string | undefined;
  firstByteMs: number | undefined;
  totalMs: number | undefined;
  tokens: TokenCounts | undefined;
  costUsd: number | undefined;
}

export function toRequestDocument(view: RequestView): RequestDocument {
  return {
    id: view.id,
    time: new Date(view.time).toISOString(),
    client: view.client,
    family: view.family,
    route: view.route,
    model: view.model,
    sent_model: view.sentModel ?? null,
    account: view.account ?? null,
    path: [...view.path],
    status: view.status ?? null,
    outcome: view.outcome ?? null,
    first_byte_ms: view.firstByteMs === undefined ? null : Math.round(view.firstByteMs),
    total_ms: view.totalMs === undefined ? null : Math.round(view.totalMs),
    tokens: view.tokens === undefined || isUnknown(view.tokens, view) ? null : toTokensDocument(view.tokens),
    cost_usd: view.costUsd ?? null,
  };
}

/** With its attempts: none of one that succeeded at once, and of one that runs those that have ended. */
export function toRequestDetail(
  view: RequestView & { attempts: readonly AttemptRow[] },
): RequestDetailDocument {
  return {
    ...toRequestDocument(view),
    attempts: view.attempts.map(({ account, status, class: kind, next, ms, reason }) => ({
      account,
      status: status ?? null,
      class: kind,
      next,
      ms: Math.round(ms),
      reason: reason ?? null,
    })),
  };
}

/** What has used nothing costs nothing: without a cost, nobody has said what was used. */
function isUnknown(tokens: TokenCounts, { costUsd }: RequestView): boolean {
  return costUsd === undefined && totalOf(tokens) === 0;
}

function toTokensDocument(tokens: TokenCounts): TokensDocument {
  return {
    input: tokens.input,
    output: tokens.output,
    cache_creation: tokens.cacheWrite5m + tokens.cacheWrite1h,
    cache_read: tokens.cacheRead,
    reasoning: tokens.reasoning,
  };
}
