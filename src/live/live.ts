// The live view: what the relay does now and has just done, as one document and as a line per change. `/status` gives it to
// `cc-relay top` and the page.

import { isOfClients } from "../account-kinds/account-kind.ts";
import type { Account } from "../accounts/account.ts";
import { readStatus } from "../accounts/state.ts";
import { readLogin, toAccountDocument } from "../documents/account.ts";
import { toRequestDetail, toRequestDocument } from "../documents/request.ts";
import type { StatusDocument } from "../documents/types.ts";
import { toUsageFigures } from "../documents/usage.ts";
import type { RelayEvents, RequestFinished } from "../relay/events.ts";
import type { Store } from "../store/store.ts";
import type { RequestRecord } from "../store/usage-store.ts";
import { rfc3339 } from "../text/format.ts";
import { localDay } from "../time/local-time.ts";
import { costOf } from "../usage/cost.ts";
import type { PriceList } from "../usage/price.ts";
import { type ActiveRequest, type Activity, createActivity, sumsOf } from "./activity.ts";
import { createFollowers, type Followers } from "./followers.ts";
import { createRecentUse, type RecentUse } from "./recent-use.ts";

export interface LiveView {
  status(): Promise<StatusDocument>;
  /** Each gets the document as a line, then again when it has changed: at most four times a second. */
  readonly followers: Followers;
  close(): void;
}

export interface LiveViewOptions {
  events: RelayEvents;
  /** Asked anew for every document: the configuration may have changed. */
  accounts(): readonly Account[];
  /** The clients' own logins that were seen with an account, the last used first. */
  logins(account: Account): readonly Account[];
  /** A fraction: windows at or above it rank behind accounts with room. Asked anew, too. */
  switchAtUtilization(): number;
  store: Pick<Store, "usage" | "requests">;
  version: string;
  /** Epoch ms. */
  startedAt: number;
  now: () => number;
  onError(error: unknown): void;
  /** Least time between two lines. */
  intervalMs?: number;
  /** A follower that reads nothing for so long is dropped. */
  stalledMs?: number;
}

const maxRecent = 50;
const maxRunning = 200;

/** Reads what the store has of today; listens to the events from then on. */
export async function createLiveView(options: LiveViewOptions): Promise<LiveView> {
  const { events, store, now, onError } = options;
  const activity = createActivity({ maxRecent, dayEnd: (time) => localDay(time).end, now });
  const recentUse = createRecentUse({ read: (since) => store.usage.activity(since), now });
  await restore(activity, store, now());
  let dueTimer: NodeJS.Timeout | undefined;

  const followers = createFollowers({
    async render() {
      const document = await status();
      lookAgainWhenDue(document);
      return JSON.stringify(document);
    },
    intervalMs: options.intervalMs ?? 250,
    stalledMs: options.stalledMs ?? 15 * 60_000,
    onError,
  });

  async function status(): Promise<StatusDocument> {
    await recentUse.refresh();
    return toStatus({ ...options, activity, recentUse });
  }

  /** A cooldown ends, and a day, without an event. */
  function lookAgainWhenDue({ accounts }: StatusDocument): void {
    const time = now();
    const moments = accounts.flatMap(({ until }) => (until === null ? [] : Date.parse(until)));
    const next = Math.min(...moments.filter((moment) => moment > time), localDay(time).end);
    clearTimeout(dueTimer);
    // A timer may fire some milliseconds early, and must not wait for more than 24 days.
    dueTimer = setTimeout(followers.changed, Math.min(next - time + 50, maxTimerMs));
    dueTimer.unref();
  }

  const stops = listen({ events, activity, recentUse, followers, onError });
  return {
    status,
    followers,
    close() {
      for (const stop of stops) stop();
      clearTimeout(dueTimer);
      followers.close();
    },
  };
}

const maxTimerMs = 86_400_000;

async function restore(activity: Activity, store: LiveViewOptions["store"], now: number): Promise<void> {
  const day = localDay(now);
  const [recent, today] = await Promise.all([
    store.requests.last({ limit: maxRecent }),
    store.usage.summarize({ since: day.start, until: day.end, by: "family" }),
  ]);
  activity.restore({ recent: recent.map(fromRecord), today: sumsOf(today.total), dayEndsAt: day.end });
}

function fromRecord(record: RequestRecord): ActiveRequest {
  const { id, time, client, family, route, model, sentModel, path, firstByteMs } = record;
  const { status, outcome, account, totalMs, tokens, costUsd } = record;
  const end = { status, outcome, account, totalMs, firstByteMs, tokens, costUsd, isBilled: true };
  return { id, time, client, family, route, model, sentModel, path, attempts: [], firstByteMs, end };
}

interface Listening extends Pick<LiveViewOptions, "events" | "onError"> {
  activity: Activity;
  recentUse: RecentUse;
  followers: Followers;
}

function listen({ events, activity, recentUse, followers, onError }: Listening): (() => void)[] {
  let prices: PriceList | undefined;

  function finish({ row, path, isFree }: RequestFinished, known: PriceList): void {
    const isBilled = !isFree && isBilledRoute(row.route);
    const costUsd = isBilled ? asStored(costOf(row, known)) : undefined;
    const { status, outcome, account, totalMs, firstByteMs, tokens, sentModel } = row;
    activity.ended(row.requestId, {
      ...{ status, outcome, account, totalMs, firstByteMs, tokens, costUsd, isBilled },
      model: row.model,
      sentModel,
      path,
    });
    if (isBilled) recentUse.add(account, tokens, costUsd);
    followers.changed();
  }

  return [
    events.on("requestStarted", ({ request, time, client, family, route, model }) => {
      activity.started({ id: request, time, client, family, route, model });
      followers.changed();
    }),
    events.on("attemptStarted", ({ request, account }) => {
      activity.asked(request, account);
      followers.changed();
    }),
    events.on("attemptFinished", ({ request, account, status, class: kind, next, ms, reason }) => {
      activity.attempted(request, { account, status, class: kind, next, ms, reason });
      followers.changed();
    }),
    events.on("answerStarted", ({ request, firstByteMs }) => {
      activity.answering(request, firstByteMs);
      followers.changed();
    }),
    events.on("requestFinished", (finished) => {
      if (prices !== undefined) return finish(finished, prices);
      // The price table is large: loaded with the first request that ends, as the store does.
      loadPrices()
        .then((loaded) => {
          prices = loaded;
          finish(finished, loaded);
        })
        .catch(onError);
    }),
    events.on("accountChanged", () => followers.changed()),
  ];
}

async function loadPrices(): Promise<PriceList> {
  return (await import("../usage/price.ts")).createPriceList();
}

/** To the billionth. */
function asStored(usd: number | undefined): number | undefined {
  return usd === undefined ? undefined : Math.round(usd * 1e9) / 1e9;
}

/** Only these have a row in the usage table. */
function isBilledRoute(route: string): boolean {
  return /\/(generate|embed|compact)$/.test(route);
}

interface StatusParts
  extends Pick<
    LiveViewOptions,
    "accounts" | "logins" | "switchAtUtilization" | "version" | "startedAt" | "now"
  > {
  activity: Activity;
  recentUse: RecentUse;
}

function toStatus(parts: StatusParts): StatusDocument {
  const { accounts, version, startedAt, now, activity, recentUse } = parts;
  const time = now();
  const question = { switchAtUtilization: parts.switchAtUtilization(), now: time };
  const running = activity.running();
  const runningOn = Map.groupBy(running, ({ path }) => path.at(-1));
  return {
    version,
    started_at: rfc3339(startedAt),
    running_count: running.length,
    accounts: accounts().map((account) => ({
      ...toAccountDocument({
        config: account.config,
        status: readStatus(account, question),
        lastUsedAt: account.lastUsedAt || undefined,
        windows: [...account.windows.values()],
        ...(isOfClients(account.config) && {
          logins: parts.logins(account).map((login) => readLogin(login, question)),
        }),
        ...recentUse.of(account.config.id),
      }),
      running: runningOn.get(account.config.id)?.length ?? 0,
    })),
    running: running.slice(0, maxRunning).map((request) => toRequestDetail(toView(request))),
    recent: activity.recent().map((request) => toRequestDocument(toView(request))),
    today: toUsageFigures(activity.today(time)),
  };
}

function toView({ end, ...request }: ActiveRequest) {
  return {
    ...request,
    account: end?.account ?? request.path.at(-1),
    status: end?.status,
    outcome: end?.outcome,
    totalMs: end?.totalMs,
    tokens: end?.tokens,
    costUsd: end?.costUsd,
  };
}
