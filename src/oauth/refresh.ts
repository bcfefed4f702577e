// One refresh of one login, from the stored row to the stored new pair. Runs under the account's lock.

import { createHash } from "node:crypto";
import type { TokenRow, TokenStore } from "../domain/token-store.ts";
import type { Log } from "../telemetry/log.ts";
import type { TokenGrant } from "./token-answer.ts";
import type { TokenReply } from "./token-request.ts";

export interface RefreshDeps {
  tokens: TokenStore;
  /** Exchanges a refresh token at the provider. */
  exchange(refreshToken: string): Promise<TokenReply>;
  now(): number;
  log: Log;
}

export interface RefreshRequest {
  accountId: string;
  /** The refresh token of the configuration file. */
  configuredToken: string;
  /** The newest row this process knows; undefined at its first look. */
  known: TokenRow | undefined;
  /** A pair that could not be written yet; the row in the store is older than it. */
  unsaved: UnsavedRow | undefined;
  /** An access token that the provider refused: a row that still holds it is not good enough. */
  refusedToken: string | undefined;
  /** Somebody waits for the token: it is refreshed even when the mark that explains a crash cannot be written. */
  urgent: boolean;
}

export interface UnsavedRow {
  row: TokenRow;
  /** Generation of the row in the store that it is to replace. */
  expected: number | undefined;
}

export type RefreshOutcome =
  /** `refreshed` says whether a pair came from the provider now or was found in the store. */
  | { kind: "row"; row: TokenRow; refreshed: boolean; unsaved: UnsavedRow | undefined }
  | {
      kind: "failed";
      reply: TokenReply & { ok: false };
      /** Of the row in the store: another one later means that somebody logged in or refreshed elsewhere. */
      generation: number | undefined;
      brokenOffAt: number | undefined;
    }
  /** The mark could not be written and the refresh can wait. */
  | { kind: "postponed"; cause: unknown };

export async function refresh(request: RefreshRequest, deps: RefreshDeps): Promise<RefreshOutcome> {
  // A row can change under us although we hold the lock: `accounts remove` does not take it, nor does a login that comes to this
  // id from another, nor a refresh that could not get it. Each change is looked at.
  for (let round = 0; ; round++) {
    const stored = await deps.tokens.load(request.accountId);
    const plan = planRefresh(request, stored, deps.now());
    if (plan.kind === "adopt") return { kind: "row", row: plan.row, refreshed: false, unsaved: undefined };

    const marked = await mark(plan, request, deps);
    if (marked === "changed" && round < maxRounds) continue;
    if (typeof marked === "object") return { kind: "postponed", cause: marked.cause };

    if (plan.brokenOffAt !== undefined) {
      const begunAt = new Date(plan.brokenOffAt).toISOString();
      deps.log.warn(
        { account: request.accountId, begunAt },
        "an earlier refresh of this login was interrupted; it is tried again",
      );
    }
    const reply = await deps.exchange(plan.base.refreshToken);
    if (reply.ok) return keep(plan, reply.grant, deps);
    if (reply.failure.kind === "revoked" && round < maxRounds) {
      const now = await deps.tokens.load(request.accountId).catch(() => undefined);
      // Somebody else rotated it meanwhile; the one we sent was spent, theirs is not.
      if (
        now !== undefined &&
        now.generation > (plan.expected ?? -1) &&
        now.refreshToken !== plan.base.refreshToken
      )
        continue;
    }
    if (!reply.outcomeUnknown) await unmark(plan, deps);
    return { kind: "failed", reply, generation: plan.expected, brokenOffAt: plan.brokenOffAt };
  }
}

const maxRounds = 3;

/** An outcome that says nothing against the login. */
export function failedWith(
  detail: string,
  generation: number | undefined,
): Extract<RefreshOutcome, { kind: "failed" }> {
  const reply = { ok: false, failure: { kind: "temporary", detail }, outcomeUnknown: false } as const;
  return { kind: "failed", reply, generation, brokenOffAt: undefined };
}

export type RefreshPlan =
  | { kind: "adopt"; row: TokenRow }
  | {
      kind: "exchange";
      /** The row whose refresh token is exchanged. */
      base: TokenRow;
      /** Generation of the row that is there now. */
      expected: number | undefined;
      /** Whether the row is marked before the exchange: not while it still holds the tokens of another login. */
      marks: boolean;
      /** An earlier exchange of the same token began then, and nobody wrote down what came of it. */
      brokenOffAt: number | undefined;
    };

/** What to do with the row as it is in the store now. */
export function planRefresh(request: RefreshRequest, stored: TokenRow | undefined, now: number): RefreshPlan {
  const { unsaved, known, refusedToken } = request;
  const configuredHash = hashToken(request.configuredToken);
  if (unsaved !== undefined && stored?.generation === unsaved.expected) {
    return {
      kind: "exchange",
      base: unsaved.row,
      expected: unsaved.expected,
      marks: false,
      brokenOffAt: undefined,
    };
  }
  if (stored === undefined && known?.configuredHash === configuredHash) {
    // The row was removed under us: what this process remembers is newer than the file.
    return { kind: "exchange", base: known, expected: undefined, marks: true, brokenOffAt: undefined };
  }
  // A row of another configured token is an older login's when this process looks for the first time: the file was changed
  // since. Later it is a newer login's, written by a process that has read a newer file.
  const isOwn = stored !== undefined && (stored.configuredHash === configuredHash || known !== undefined);
  if (!isOwn) {
    const base = firstRow(request, configuredHash, stored?.generation);
    return {
      kind: "exchange",
      base,
      expected: stored?.generation,
      marks: stored === undefined,
      brokenOffAt: undefined,
    };
  }
  const isNews =
    refusedToken !== undefined
      ? stored.accessToken !== refusedToken
      : stored.generation !== known?.generation;
  if (isNews && stored.accessToken !== undefined && (stored.expiresAt ?? 0) - now > minUsefulMs) {
    return { kind: "adopt", row: stored };
  }
  const brokenOff = stored.exchangeHash === hashToken(stored.refreshToken);
  return {
    kind: "exchange",
    base: stored,
    expected: stored.generation,
    marks: true,
    brokenOffAt: brokenOff ? stored.exchangeAt : undefined,
  };
}

/** Less is not worth adopting: it would have to be refreshed at once. */
const minUsefulMs = 10_000;

export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function firstRow(request: RefreshRequest, configuredHash: string, generation: number | undefined): TokenRow {
  return {
    accountId: request.accountId,
    configuredHash,
    refreshToken: request.configuredToken,
    accessToken: undefined,
    expiresAt: undefined,
    extras: undefined,
    generation: generation ?? 0,
    updatedAt: 0,
    exchangeHash: undefined,
    exchangeAt: undefined,
  };
}

type ExchangePlan = RefreshPlan & { kind: "exchange" };

/** Writes down that an exchange begins: after a crash in the middle of it the row says so. */
async function mark(
  plan: ExchangePlan,
  request: RefreshRequest,
  deps: RefreshDeps,
): Promise<"go-on" | "changed" | { cause: unknown }> {
  if (!plan.marks) return "go-on";
  const row = { ...plan.base, exchangeHash: hashToken(plan.base.refreshToken), exchangeAt: deps.now() };
  try {
    if (!(await deps.tokens.replace(row, plan.expected))) return "changed";
    plan.expected = row.generation;
    return "go-on";
  } catch (cause) {
    if (!request.urgent) return { cause };
    deps.log.warn(
      { account: request.accountId, err: cause },
      "the database takes no writes; a login is refreshed all the same",
    );
    return "go-on";
  }
}

async function unmark(plan: ExchangePlan, deps: RefreshDeps): Promise<void> {
  if (!plan.marks) return;
  // Without it a later failure would only be explained by a crash that never was.
  await deps.tokens
    .replace({ ...plan.base, exchangeHash: undefined, exchangeAt: undefined }, plan.expected)
    .catch(() => {});
}

/** Writes the new pair before anybody uses it. */
async function keep(plan: ExchangePlan, grant: TokenGrant, deps: RefreshDeps): Promise<RefreshOutcome> {
  const { base } = plan;
  const issuedAt = deps.now();
  const row: TokenRow = {
    ...base,
    refreshToken: grant.refreshToken ?? base.refreshToken,
    accessToken: grant.access?.token,
    expiresAt: grant.access && issuedAt + grant.access.expiresInMs,
    generation: base.generation + 1,
    updatedAt: issuedAt,
    exchangeHash: undefined,
    exchangeAt: undefined,
  };
  try {
    if (await deps.tokens.replace(row, plan.expected))
      return { kind: "row", row, refreshed: true, unsaved: undefined };
  } catch (cause) {
    deps.log.error(
      { account: base.accountId, err: cause },
      "a refreshed login cannot be written to the database: it is kept in memory and written as soon as the disk takes it",
    );
    return { kind: "row", row, refreshed: true, unsaved: { row, expected: plan.expected } };
  }
  // A person logged in again or removed the account while we asked: theirs counts.
  const theirs = await deps.tokens.load(base.accountId).catch(() => undefined);
  return { kind: "row", row: theirs ?? row, refreshed: theirs === undefined, unsaved: undefined };
}
