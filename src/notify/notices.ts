// Finds the notices about accounts, families and the database by comparing two states: on changes only, and each after its time.

import type { AccountStatus } from "../accounts/state.ts";
import type { NotifyConfig, NotifyEvent } from "../config/config.ts";
import { type Family, familyNames } from "../domain/family.ts";
import { duration, percent } from "../text/format.ts";
import type { Window } from "../usage/window.ts";

/** How things are at one moment. */
export interface Situation {
  accounts: readonly AccountSituation[];
  storage: { kind: "disk" } | { kind: "memory"; reason: string };
}

export interface AccountSituation {
  id: string;
  family: Family;
  status: AccountStatus;
  windows: readonly Window[];
}

/** The body of a webhook, but for the time. */
export interface Notice {
  event: NotifyEvent;
  account: string | null;
  family: Family | null;
  state: string;
  reason: string | null;
  /** Epoch ms. */
  until: number | undefined;
  /** One sentence. */
  message: string;
}

export interface NoticeFinder {
  /** The notices that have to be sent now. */
  look(situation: Situation, now: number): Notice[];
  /** When to look again though nothing changes: epoch ms; undefined when only a change brings something new. */
  readonly nextAt: number | undefined;
}

type Rules = Pick<NotifyConfig, "events" | "afterMs" | "quietMs" | "windowThreshold">;

/** Something that lasts: sent once it has lasted long enough, and its end only if its beginning was sent. */
interface Lasting {
  since: number;
  isTold: boolean;
}

/** One for each receiver. What is so at the first look is sent as well: it began while nobody looked. */
export function createNoticeFinder({ events, afterMs, quietMs, windowThreshold }: Rules): NoticeFinder {
  const lasting = new Map<string, Lasting>();
  const toldAt = new Map<string, number>();
  let nextAt: number | undefined;

  function announce(notice: Notice, now: number): Notice[] {
    if (!events.includes(notice.event)) return [];
    const key = JSON.stringify([notice.event, notice.account ?? notice.family]);
    const last = toldAt.get(key);
    if (last !== undefined && now - last < quietMs) return [];
    toldAt.set(key, now);
    return [notice];
  }

  /** Follows one thing that is so or not; calls for the words at its two edges. */
  function follow(
    key: string,
    { isSo, waitMs, now }: { isSo: boolean; waitMs: number; now: number },
    words: { begun(): Notice | undefined; over(): Notice | undefined },
  ): Notice[] {
    const known = lasting.get(key);
    if (!isSo) {
      lasting.delete(key);
      const notice = known?.isTold ? words.over() : undefined;
      return notice ? announce(notice, now) : [];
    }
    const state = known ?? { since: now, isTold: false };
    lasting.set(key, state);
    if (state.isTold) return [];
    if (now - state.since < waitMs) {
      nextAt = Math.min(nextAt ?? Number.POSITIVE_INFINITY, state.since + waitMs);
      return [];
    }
    state.isTold = true;
    const notice = words.begun();
    return notice ? announce(notice, now) : [];
  }

  function lookAtAccount(account: AccountSituation, now: number): Notice[] {
    const { id, status, windows } = account;
    const back = () => noticeOf(account, "account-back", `${id} is back`);
    const isOut = status.state === "cooldown";
    const isRefused = status.state === "needs-login";
    return [
      ...follow(
        `cooldown ${id}`,
        { isSo: isOut, waitMs: afterMs, now },
        {
          begun: () =>
            noticeOf(account, "cooldown", `${id} is in cooldown${forText(status, now)}${why(status)}`),
          over: () => (status.state === "ready" ? back() : undefined),
        },
      ),
      ...follow(
        `needs-login ${id}`,
        { isSo: isRefused, waitMs: 0, now },
        {
          begun: () => noticeOf(account, "needs-login", `${id} needs a login${why(status)}`),
          over: () => (status.state === "ready" ? back() : undefined),
        },
      ),
      ...windows.flatMap((window) => lookAtWindow(account, window, now)),
    ];
  }

  function lookAtWindow(account: AccountSituation, window: Window, now: number): Notice[] {
    const { name, utilization = 0, resetsAt } = window;
    const isOpen = resetsAt === undefined || resetsAt > now;
    const isSo = isOpen && utilization >= windowThreshold;
    return follow(
      `window ${account.id} ${name}`,
      { isSo, waitMs: 0, now },
      {
        begun: () => ({
          ...noticeOf(account, "window", `the window ${name} of ${account.id} is at ${percent(utilization)}`),
          until: resetsAt,
          reason: `the window ${name} is at ${percent(utilization)}`,
        }),
        over: () => undefined,
      },
    );
  }

  function lookAtFamily(family: Family, accounts: readonly AccountSituation[], now: number): Notice[] {
    const own = accounts.filter(
      (account) => account.family === family && account.status.state !== "disabled",
    );
    const isOut = own.length > 0 && own.every(({ status }) => status.state !== "ready");
    const returns = own.flatMap(({ status }) => status.until ?? []);
    const until = returns.length === 0 ? undefined : Math.min(...returns);
    const notice = (event: NotifyEvent, state: string, message: string): Notice => ({
      ...{
        event,
        account: null,
        family,
        state,
        reason: null,
        until: event === "family-out" ? until : undefined,
      },
      message,
    });
    const name = familyNames[family];
    const left = until === undefined ? "" : `, the first is back in ${duration(until - now)}`;
    return follow(
      `family ${family}`,
      { isSo: isOut, waitMs: 0, now },
      {
        begun: () => notice("family-out", "out", `no ${name} account can answer${left}`),
        over: () =>
          own.length === 0 ? undefined : notice("family-back", "ready", `a ${name} account can answer again`),
      },
    );
  }

  function lookAtStorage({ storage }: Situation, now: number): Notice[] {
    const words = (state: string, reason: string | null, message: string): Notice => ({
      ...{ event: "storage", account: null, family: null, state, reason, until: undefined, message },
    });
    const reason = storage.kind === "memory" ? storage.reason : null;
    return follow(
      "storage",
      { isSo: storage.kind === "memory", waitMs: 0, now },
      {
        begun: () =>
          words("memory", reason, `the database cannot be written, everything is kept in memory: ${reason}`),
        over: () => words("disk", null, "the database is written again"),
      },
    );
  }

  return {
    look(situation, now) {
      nextAt = undefined;
      forgetMissing(lasting, situation.accounts);
      const families = [...new Set(situation.accounts.map(({ family }) => family))];
      return [
        ...situation.accounts.flatMap((account) => lookAtAccount(account, now)),
        ...families.flatMap((family) => lookAtFamily(family, situation.accounts, now)),
        ...lookAtStorage(situation, now),
      ];
    },
    get nextAt() {
      return nextAt;
    },
  };
}

/** An account that was taken out of the configuration is not back. */
function forgetMissing(lasting: Map<string, Lasting>, accounts: readonly AccountSituation[]): void {
  for (const key of lasting.keys()) {
    const [kind, id] = key.split(" ");
    if (kind === "family" || kind === "storage") continue;
    if (!accounts.some((account) => account.id === id)) lasting.delete(key);
  }
}

function noticeOf({ id, family, status }: AccountSituation, event: NotifyEvent, message: string): Notice {
  const { state, reason, until } = status;
  return { event, account: id, family, state, reason: reason ?? null, until, message };
}

function forText({ until }: AccountStatus, now: number): string {
  return until === undefined ? "" : ` for ${duration(until - now)}`;
}

function why({ reason }: AccountStatus): string {
  return reason === undefined ? "" : `: ${reason}`;
}
