// Reads why no account is left: which reason decides, and when the first account is back.

import { type Account, type Cooldown, type CooldownKind, cooldownFor } from "./account.ts";

export type Exhausted =
  /** No account of the family is configured, enabled and able to serve the request. */
  | { kind: "no-account" }
  | AllInCooldown
  /** Nobody is in cooldown: every account was tried for this request and none could be reached or blamed. */
  | { kind: "tried" };

export interface AllInCooldown {
  /** What decides. With `model-denied` every account was refused this one model, with `credentials` altogether. */
  kind: "limited" | "capacity" | "model-denied" | "credentials";
  /** The account that is back first, and its cooldown. */
  account: Account;
  cooldown: Cooldown;
  /** When that is. Refused credentials come back by nobody's clock. */
  until: number;
  /** All accounts that could serve the request are in cooldown for this kind of reason. */
  isCommon: boolean;
}

export interface ExhaustedQuery {
  candidates: readonly Account[];
  modelScope: string;
  /** The cooldowns that accounts were sent into by this very request, by account id. */
  begun: ReadonlyMap<string, Cooldown>;
  now: number;
}

/** The earliest return decides; refused credentials count only when there is nothing else, for they return by nobody's clock. */
export function readExhausted({ candidates, modelScope, begun, now }: ExhaustedQuery): Exhausted {
  if (candidates.length === 0) return { kind: "no-account" };
  const inCooldown = candidates.flatMap((account) => {
    const cooldown =
      cooldownFor(account, modelScope, now) ?? endedCooldown(begun.get(account.config.id), now);
    return cooldown ? [{ account, cooldown }] : [];
  });
  if (inCooldown.length === 0) return { kind: "tried" };
  inCooldown.sort((a, b) => rankOf(a.cooldown) - rankOf(b.cooldown) || a.cooldown.until - b.cooldown.until);
  const { account, cooldown } = inCooldown[0]!;
  const kind = kindOf[cooldown.kind];
  const isCommon =
    inCooldown.length === candidates.length && inCooldown.every((one) => kindOf[one.cooldown.kind] === kind);
  return { kind, account, cooldown, until: cooldown.until, isCommon };
}

const kindOf: Readonly<Record<CooldownKind, AllInCooldown["kind"]>> = {
  "rate-limited": "limited",
  capacity: "capacity",
  storage: "capacity",
  proxy: "capacity",
  unreachable: "capacity",
  "server-error": "capacity",
  "model-denied": "model-denied",
  unauthorized: "credentials",
  "login-revoked": "credentials",
  "refresh-rejected": "credentials",
  "account-out": "credentials",
};

/** The shortest wait that `retry-after` can express. */
const momentMs = 1000;

/** A limit of moments is over before the last account has answered: its account is the one to come back to, and soon. */
function endedCooldown(cooldown: Cooldown | undefined, now: number): Cooldown | undefined {
  return cooldown && { ...cooldown, until: now + momentMs };
}

const ranks: Readonly<Record<AllInCooldown["kind"], number>> = {
  limited: 0,
  capacity: 0,
  "model-denied": 1,
  credentials: 2,
};

function rankOf({ kind }: Cooldown): number {
  return ranks[kindOf[kind]];
}
