// Finds the notices about accounts, families and the database by comparing two states: on changes only, and each after its time.

import type { AccountStatus } from "../accounts/state.ts";
import type { NotifyConfig, NotifyEvent } from "../config/config.ts";
import { type Family, familyNames } from "../domain/family.ts";
import { duration, percent } from "../text/format.ts";
import type { Window } from "../usage/window.ts";
import { createFollower } from "./follower.ts";

/** How things are at one moment. */
export interface Situation {
  accounts: readonly AccountSituation[];
  storage: { kind: "disk" } | { kind: "memory"; reason: string };
  /** The database's file is another one than before. */
  madeAnew?: { at: number; why: "damaged" | "removed" | "replaced"; aside?: string } | undefined;
}

export interface AccountSituation {
  id: string;
  family: Family;
  status: AccountStatus;
  windows: readonly Window[];
  /** What keeps it from answering ends by what a person does (a login, a payment), not by itself. */
  needsPerson?: boolean;
  /** Epoch ms of its last good answer; undefined when this process has seen none. */
  answeredAt?: number | undefined;
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
  /** What a finder of the same receiver has to know to go on from here. */
  memory(now: number): NoticeMemory;
}

/** What was sent to one receiver. */
export interface NoticeMemory {
  /** What lasts and was sent, by its key. A number: a ready account is back only with a good answer after that, epoch ms. */
  lasting: Readonly<Record<string, number | null>>;
  /** When each event was sent last, epoch ms. */
  sentAt: Readonly<Record<string, number>>;
}

type Rules = Pick<NotifyConfig, "events" | "afterMs" | "quietMs" | "windowThreshold">;

/**
 * One for each receiver. What is so at the first look is sent as well, unless it was before: it began while nobody looked. What
 * is not sent because the same event was sent a short time ago is sent afterwards if it is still so.
 */
export function createNoticeFinder(
  { events, afterMs, quietMs, windowThreshold }: Rules,
  known: NoticeMemory = { lasting: {}, sentAt: {} },
): NoticeFinder {
  const follower = createFollower({ events, quietMs }, known);
  const { follow } = follower;

  /** The time of a refusal is over, and nobody knows yet whether the account would be refused again. */
  function isUnproved(key: string, { status, answeredAt }: AccountSituation, now: number): boolean {
    const provedAfter = follower.provedAfter(key);
    if (provedAfter === undefined || status.state !== "ready") return false;
    return now >= provedAfter && (answeredAt ?? 0) < provedAfter;
  }

  function canAnswer(account: AccountSituation, now: number): boolean {
    const { id, status } = account;
    if (status.state !== "ready") return false;
    return ![`cooldown ${id}`, `needs-login ${id}`].some((key) => isUnproved(key, account, now));
  }

  function lookAtAccount(account: AccountSituation, now: number): Notice[] {
    const { id, status, windows, needsPerson } = account;
    const over = () =>
      status.state === "ready" ? noticeOf(account, "account-back", `${id} is back`) : undefined;
    const followState = (
      event: "cooldown" | "needs-login",
      { waitMs, message }: { waitMs: number; message: string },
    ) => {
      const key = `${event} ${id}`;
      const isInState = status.state === event;
      const isSo = isInState || isUnproved(key, account, now);
      const provedAfter = isInState ? ((needsPerson ? status.until : undefined) ?? null) : undefined;
      return follow(
        key,
        { isSo, waitMs, now, provedAfter },
        { begun: () => noticeOf(account, event, message), over },
      );
    };
    return [
      ...followState("cooldown", {
        waitMs: afterMs,
        message: `${id} is in cooldown${forText(status, now)}${why(status)}`,
      }),
      ...followState("needs-login", { waitMs: 0, message: `${id} needs a login${why(status)}` }),
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
    const isOut = own.length > 0 && own.every((account) => !canAnswer(account, now));
    // As with one account: a shortage that is over in a moment is no news, one that lasts until a person acts is.
    const endsByItself = own.some(({ status, needsPerson }) => status.state === "cooldown" && !needsPerson);
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
      { isSo: isOut, waitMs: endsByItself ? afterMs : 0, now },
      {
        begun: () => notice("family-out", "out", `no ${name} account can answer${left}`),
        over: () =>
          own.length === 0 ? undefined : notice("family-back", "ready", `a ${name} account can answer again`),
      },
    );
  }

  function lookAtStorage({ storage }: Situation, now: number): Notice[] {
    const reason = storage.kind === "memory" ? storage.reason : null;
    return follow(
      "storage",
      { isSo: storage.kind === "memory", waitMs: 0, now },
      {
        begun: () =>
          storageNotice(
            "memory",
            reason,
            `the database cannot be written, everything is kept in memory: ${reason}`,
          ),
        over: () => storageNotice("disk", null, "the database is written again"),
      },
    );
  }

  /** Lasts as long as the process, so that it is sent once to each receiver. */
  function lookAtMadeAnew({ madeAnew }: Situation, now: number): Notice[] {
    if (madeAnew === undefined) return [];
    const { why } = madeAnew;
    return follow(
      madeAnewKey(madeAnew),
      { isSo: true, waitMs: 0, now },
      { begun: () => storageNotice(why, null, describeMadeAnew(madeAnew)), over: () => undefined },
    );
  }

  return {
    look(situation, now) {
      follower.begin((key) => isThere(key, situation));
      const families = [...new Set(situation.accounts.map(({ family }) => family))];
      return [
        ...situation.accounts.flatMap((account) => lookAtAccount(account, now)),
        ...families.flatMap((family) => lookAtFamily(family, situation.accounts, now)),
        ...lookAtStorage(situation, now),
        ...lookAtMadeAnew(situation, now),
      ];
    },
    get nextAt() {
      return follower.nextAt;
    },
    memory: follower.memory,
  };
}

/** An account that was taken out of the configuration is not back. */
function isThere(key: string, { accounts, madeAnew }: Situation): boolean {
  const [kind, id] = key.split(" ");
  if (kind === "family" || kind === "storage" || (madeAnew && key === madeAnewKey(madeAnew))) return true;
  return accounts.some((account) => account.id === id);
}

function noticeOf({ id, family, status }: AccountSituation, event: NotifyEvent, message: string): Notice {
  const { state, reason, until } = status;
  return { event, account: id, family, state, reason: reason ?? null, until, message };
}

function storageNotice(state: string, reason: string | null, message: string): Notice {
  return { event: "storage", account: null, family: null, state, reason, until: undefined, message };
}

type MadeAnew = NonNullable<Situation["madeAnew"]>;

function madeAnewKey({ at }: MadeAnew): string {
  return `database ${at}`;
}

function describeMadeAnew({ why, aside }: MadeAnew): string {
  return why === "damaged"
    ? `the database was damaged: it was set aside as ${aside}, and what can be read of it is in a new one; cc-relay doctor says what was lost`
    : `the database was ${why} while the relay runs: it was made anew, and tokens, states and sessions were written again`;
}

function forText({ until }: AccountStatus, now: number): string {
  return until === undefined ? "" : ` for ${duration(until - now)}`;
}

function why({ reason }: AccountStatus): string {
  return reason === undefined ? "" : `: ${reason}`;
}
