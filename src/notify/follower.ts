// Follows what is so and what is not, and says when to send that it has begun or is over: each after its time, none twice within the
// quiet time of its receiver.

import type { NotifyConfig } from "../config/config.ts";
import type { Notice, NoticeMemory } from "./notices.ts";

export interface Follower {
  /** Begins a look: what `isThere` says no of, by its key, is forgotten without a notice. */
  begin(isThere: (key: string) => boolean): void;
  /** Follows one thing that is so or not; calls for the words at its two edges. Returns what has to be sent now. */
  follow(key: string, followed: Followed, words: { begun(): Notice; over(): Notice | undefined }): Notice[];
  /** As in NoticeMemory; undefined also while the beginning was not sent. */
  provedAfter(key: string): number | undefined;
  /** When to look again though nothing changes, by what was followed since `begin`: epoch ms. */
  readonly nextAt: number | undefined;
  memory(now: number): NoticeMemory;
}

/** Something that lasts: sent once it has lasted long enough, and its end only if its beginning was sent. */
interface Lasting {
  since: number;
  isTold: boolean;
  /** As in NoticeMemory. */
  provedAfter: number | undefined;
}

interface Followed {
  isSo: boolean;
  waitMs: number;
  now: number;
  /** As in NoticeMemory; undefined: as it was before. */
  provedAfter?: number | null | undefined;
}

export function createFollower(
  { events, quietMs }: Pick<NotifyConfig, "events" | "quietMs">,
  known: NoticeMemory,
): Follower {
  const lasting = new Map(
    Object.entries(known.lasting).map(([key, provedAfter]): [string, Lasting] => [
      key,
      { since: 0, isTold: true, provedAfter: provedAfter ?? undefined },
    ]),
  );
  const sentAt = new Map(Object.entries(known.sentAt));
  let nextAt: number | undefined;

  function lookAgainAt(at: number): void {
    nextAt = Math.min(nextAt ?? Number.POSITIVE_INFINITY, at);
  }

  /** Undefined while the same event of the same account or family was sent too short a time ago. */
  function announce(notice: Notice, now: number): Notice[] | undefined {
    if (!events.includes(notice.event)) return [];
    const { event, account, family, state } = notice;
    // The database has one event for both directions.
    const key = JSON.stringify([event, account ?? family ?? state]);
    const last = sentAt.get(key);
    if (last !== undefined && now >= last && now - last < quietMs) {
      lookAgainAt(last + quietMs);
      return undefined;
    }
    sentAt.set(key, now);
    return [notice];
  }

  function follow(
    key: string,
    { isSo, waitMs, now, provedAfter }: Followed,
    words: { begun(): Notice; over(): Notice | undefined },
  ): Notice[] {
    const state = lasting.get(key) ?? { since: now, isTold: false, provedAfter: undefined };
    if (!isSo) {
      const notice = state.isTold ? words.over() : undefined;
      const sent = notice ? announce(notice, now) : [];
      if (sent !== undefined) lasting.delete(key);
      return sent ?? [];
    }
    lasting.set(key, state);
    if (provedAfter !== undefined) state.provedAfter = provedAfter ?? undefined;
    if (state.isTold) return [];
    if (now - state.since < waitMs) {
      lookAgainAt(state.since + waitMs);
      return [];
    }
    const sent = announce(words.begun(), now);
    state.isTold = sent !== undefined;
    return sent ?? [];
  }

  return {
    begin(isThere) {
      nextAt = undefined;
      for (const key of lasting.keys()) if (!isThere(key)) lasting.delete(key);
    },
    follow,
    provedAfter(key) {
      const { isTold = false, provedAfter } = lasting.get(key) ?? {};
      return isTold ? provedAfter : undefined;
    },
    get nextAt() {
      return nextAt;
    },
    memory(now) {
      const sent = [...lasting].filter(([, { isTold }]) => isTold);
      const recent = [...sentAt].filter(([, at]) => now - at < quietMs);
      return {
        lasting: Object.fromEntries(sent.map(([key, { provedAfter }]) => [key, provedAfter ?? null])),
        sentAt: Object.fromEntries(recent),
      };
    },
  };
}
