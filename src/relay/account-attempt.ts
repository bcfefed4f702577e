// Attempts a request on one account: gets the credential, repeats once on a stale connection, refreshes a refused login once.

import type { Credential } from "../account-kinds/credential.ts";
import type { Upstream } from "../account-kinds/upstream.ts";
import type { Account } from "../accounts/account.ts";
import type { Call } from "../domain/call.ts";
import type { Failure } from "../domain/failure.ts";
import { redact } from "../text/redact.ts";
import type { AttemptResult } from "./attempt.ts";
import type { RelayDeps } from "./exchange.ts";
import type { MemoryShare } from "./memory-share.ts";
import { callFor } from "./replace-model.ts";
import { madeElsewhere } from "./thinking-origins.ts";
import type { Transport } from "./transport.ts";

export interface Turn {
  call: Call;
  upstream: Upstream;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  /** See AttemptOptions. */
  memory?: MemoryShare | undefined;
  /** How long one attempt may take to its response head. */
  firstByteMs: number;
  transport: Transport;
  /** The owner allows the request to be changed after a refusal that asks for it: heal_signatures. */
  mayHeal?: boolean;
  /** See Call. */
  readsSeals?: boolean;
}

export async function attemptOn(
  account: Account,
  { upstream, signal, memory, firstByteMs, transport, mayHeal = false, readsSeals = false, ...turn }: Turn,
  deps: RelayDeps,
): Promise<AttemptResult & { sent: Call }> {
  const timeouts = { firstByteMs, idleMs: deps.config().upstream.idleTimeoutMs, holdMs: deps.holdBackMs };
  let found = await deps.credentials.get(account, signal);
  let sent = callFor(account.config, turn.call);
  if (readsSeals) sent = { ...sent, readsSeals };
  let isHealed = !mayHeal;
  let isRepeated = false;
  let isRefreshed = account.passthrough;
  for (;;) {
    if (!found.ok) return { ok: false, failure: found.failure, answer: undefined, sent };
    const { credential } = found;
    const sending = { account, credential, upstream, call: sent, signal, memory, timeouts };
    const result = await transport(sending, deps);
    if (result.ok) return { ...result, sent };
    if (result.failure.kind === "unreachable" && result.failure.safeToRepeat && !isRepeated) {
      isRepeated = true;
      continue;
    }
    try {
      const healed = isHealed
        ? undefined
        : await upstream.heal?.(sent, result.failure, madeElsewhere(account, deps));
      if (healed) {
        result.answer?.discard();
        isHealed = true;
        sent = healed;
        continue;
      }
      if (result.failure.kind === "account-out") await deps.credentials.reconsider(account, credential);
      const failed = {
        ...result,
        failure: withoutSecrets(result.failure, secretsOf(credential, sent)),
        sent,
      };
      if (result.failure.kind !== "unauthorized" || isRefreshed) return failed;
      const refreshed = await deps.credentials.refresh(account, credential, signal);
      if (!refreshed) return failed;
      result.answer?.discard();
      isRefreshed = true;
      found = refreshed;
    } catch (error) {
      // Nobody reads on in it: its connection would stay.
      result.answer?.discard();
      throw error;
    }
  }
}

/**
 * Providers echo what they were sent, and reasons are logged and printed. Access tokens have no form by which they could be
 * recognised, so the ones that were used are taken out by their value.
 */
function withoutSecrets(failure: Failure, secrets: readonly string[]): Failure {
  return "reason" in failure ? { ...failure, reason: redact(failure.reason, secrets) } : failure;
}

function secretsOf(credential: Credential, call: Call): string[] {
  switch (credential.kind) {
    case "api-key":
      return [credential.key];
    case "bearer":
      return [credential.token];
    case "none":
      return [];
    case "client":
      return [
        ...call.clientCredential.filter((_, index) => index % 2 === 1),
        ...new URLSearchParams(call.clientQuery).getAll("key"),
      ].map((value) => value.replace(/^Bearer\s+/i, ""));
  }
}
