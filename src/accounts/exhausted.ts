// What is told when no account is left: which reason decides, and when the first one is back.

import { type Account, type Rest, type RestKind, restFor } from "./account.ts";

export type Exhausted =
  /** No account of the family is configured, enabled and able to serve the request. */
  | { kind: "no-account" }
  | { kind: "limited"; until: number; rest: Rest; account: Account }
  | { kind: "capacity"; until: number; rest: Rest; account: Account }
  | { kind: "credentials"; rest: Rest; account: Account }
  /** Every account was refused this one model. */
  | { kind: "model-denied"; until: number; rest: Rest; account: Account }
  /** Nobody rests: every account was tried for this request and none could be reached or blamed. */
  | { kind: "tried" };

export interface ExhaustedQuery {
  candidates: readonly Account[];
  modelScope: string;
  /** The rests that accounts were sent into by this very request, by account id. */
  begun: ReadonlyMap<string, Rest>;
  now: number;
}

/** The earliest return decides; refused credentials count only when there is nothing else, for they return by nobody's clock. */
export function readExhausted({ candidates, modelScope, begun, now }: ExhaustedQuery): Exhausted {
  if (candidates.length === 0) return { kind: "no-account" };
  const resting = candidates.flatMap((account) => {
    const rest = restFor(account, modelScope, now) ?? endedRest(begun.get(account.config.id), now);
    return rest ? [{ account, rest }] : [];
  });
  if (resting.length === 0) return { kind: "tried" };
  resting.sort((a, b) => rank(a.rest.kind) - rank(b.rest.kind) || a.rest.until - b.rest.until);
  const { account, rest } = resting[0]!;
  switch (rest.kind) {
    case "rate-limited":
      return { kind: "limited", until: rest.until, rest, account };
    case "capacity":
    case "proxy":
    case "unreachable":
    case "server-error":
      return { kind: "capacity", until: rest.until, rest, account };
    case "model-denied":
      return { kind: "model-denied", until: rest.until, rest, account };
    case "unauthorized":
    case "account-out":
      return { kind: "credentials", rest, account };
  }
}

/** The shortest wait that `retry-after` can tell. */
const momentMs = 1000;

/** A limit of moments is over before the last account has answered: its account is the one to come back to, and soon. */
function endedRest(rest: Rest | undefined, now: number): Rest | undefined {
  return rest && { ...rest, until: now + momentMs };
}

function rank(kind: RestKind): number {
  if (kind === "unauthorized" || kind === "account-out") return 2;
  return kind === "model-denied" ? 1 : 0;
}
