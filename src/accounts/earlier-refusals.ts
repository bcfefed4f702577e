// Which accounts refused the last requests of a session. A client sends what was refused again, over HTTP where a WebSocket led nowhere, and
// each time the relay asks the accounts that are left: to them that is one request.

import type { Account, Cooldown } from "./account.ts";

/** Every account that was asked, with the cooldown that this put it in. */
export type Asked = ReadonlyMap<Account, Cooldown | undefined>;

export interface EarlierRefusals {
  /** What was asked now, and by the requests before it that nobody has answered. `session` undefined: nobody knows what was before. */
  join(session: string | undefined, asked: Asked, now: number): Asked;
  /** It was answered. */
  forget(session: string): void;
}

/** What comes later is another request. */
const rememberedMs = 60_000;
/** The oldest are forgotten beyond this. */
const maxSessions = 1000;

export function createEarlierRefusals(): EarlierRefusals {
  const sessions = new Map<string, { at: number; asked: Asked }>();
  return {
    join(session, asked, now) {
      if (session === undefined || asked.size === 0) return asked;
      const earlier = sessions.get(session);
      const isRecent = earlier !== undefined && now >= earlier.at && now - earlier.at <= rememberedMs;
      const all: Asked = isRecent ? new Map([...earlier.asked, ...asked]) : asked;
      sessions.delete(session);
      sessions.set(session, { at: now, asked: all });
      if (sessions.size > maxSessions) sessions.delete(sessions.keys().next().value!);
      return all;
    },
    forget: (session) => void sessions.delete(session),
  };
}
