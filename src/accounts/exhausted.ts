// What is told when no account is left: which reason decides, and when the first one is back.

import { type Account, type Rest, type RestKind, restFor } from "./account.ts";

export type Exhausted =
  /** No account of the family is configured, enabled and able to serve the request. */
  | { kind: "no-account" }
  | AllResting
  /** Nobody rests: every account was tried for this request and none could be reached or blamed. */
  | { kind: "tried" };

export interface AllResting {
  /** What decides. With `model-denied` every account was refused this one model, with `credentials` altogether. */
  kind: "limited" | "capacity" | "model-denied" | "credentials";
  /** The account that is back first, and its rest. */
  account: Account;
  rest: Rest;
  /** When that is. Refused credentials come back by nobody's clock. */
  until: number;
  /** All accounts that could serve the request rest for this kind of reason. */
  isCommon: boolean;
}

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
  resting.sort((a, b) => rankOf(a.rest) - rankOf(b.rest) || a.rest.until - b.rest.until);
  const { account, rest } = resting[0]!;
  const kind = kindOf[rest.kind];
  const isCommon =
    resting.length === candidates.length && resting.every((one) => kindOf[one.rest.kind] === kind);
  return { kind, account, rest, until: rest.until, isCommon };
}

const kindOf: Readonly<Record<RestKind, AllResting["kind"]>> = {
  "rate-limited": "limited",
  capacity: "capacity",
  proxy: "capacity",
  unreachable: "capacity",
  "server-error": "capacity",
  "model-denied": "model-denied",
  unauthorized: "credentials",
  "account-out": "credentials",
};

/** The shortest wait that `retry-after` can tell. */
const momentMs = 1000;

/** A limit of moments is over before the last account has answered: its account is the one to come back to, and soon. */
function endedRest(rest: Rest | undefined, now: number): Rest | undefined {
  return rest && { ...rest, until: now + momentMs };
}

const ranks: Readonly<Record<AllResting["kind"], number>> = {
  limited: 0,
  capacity: 0,
  "model-denied": 1,
  credentials: 2,
};

function rankOf({ kind }: Rest): number {
  return ranks[kindOf[kind]];
}
