// Which accounts a session's continuations have left: each move costs the client one of its few retries, so an account is left
// once until a continuation has succeeded again.

export interface Departures {
  has(session: string, accountId: string): boolean;
  add(session: string, accountId: string): void;
  /** A continuation was answered: the client counts its retries anew. */
  forget(session: string): void;
}

/** The oldest are forgotten beyond this. */
const maxSessions = 10_000;

export function createDepartures(): Departures {
  const left = new Map<string, Set<string>>();
  return {
    has: (session, accountId) => left.get(session)?.has(accountId) === true,
    add(session, accountId) {
      const accounts = left.get(session) ?? new Set();
      left.delete(session);
      left.set(session, accounts.add(accountId));
      if (left.size > maxSessions) left.delete(left.keys().next().value!);
    },
    forget: (session) => void left.delete(session),
  };
}
