// Sends notices to each receiver of `[[notify]]` while the relay runs. Looks when something has changed, and delays nothing.

import { createHash } from "node:crypto";
import type { Dispatcher } from "undici";
import type { NotifyConfig } from "../config/config.ts";
import type { Log } from "../telemetry/log.ts";
import { systemClock } from "../time/clock.ts";
import { systemTimers, type Timer, type Timers } from "../time/timers.ts";
import {
  createNoticeFinder,
  type Notice,
  type NoticeFinder,
  type NoticeMemory,
  type Situation,
} from "./notices.ts";
import { sendNotice } from "./send.ts";

export interface Notifier {
  /** Something may have changed: cheap, and can be called for every request. */
  changed(): void;
  /** Takes these receivers from now on; those that stay as they were remember what was sent to them. */
  configure(receivers: readonly NotifyConfig[]): void;
  close(): void;
}

export interface NotifierOptions {
  receivers: readonly NotifyConfig[];
  situation(): Situation;
  dispatcherFor(receiver: NotifyConfig): Dispatcher;
  redact(text: string): string;
  /** What was sent to each receiver before this process, by its key. */
  remembered: ReadonlyMap<string, NoticeMemory>;
  /** Keeps it for the next process; called with all receivers when one's memory has changed. */
  remember(memories: ReadonlyMap<string, NoticeMemory>): void;
  now: () => number;
  /** The system's unless given. */
  monotonic?: () => number;
  /** The system's unless given. */
  timers?: Timers;
  log: Log;
  /** A receiver that has not taken a message by then has lost it. */
  timeoutMs?: number;
  /** Looks are so far apart. */
  intervalMs?: number;
}

/** What waits for a receiver that hangs; above it the oldest are dropped. */
const maxWaiting = 20;

interface Channel {
  /** A hash: an address may be a secret. */
  key: string;
  config: NotifyConfig;
  finder: NoticeFinder;
  waiting: Notice[];
  isSending: boolean;
}

export function createNotifier(options: NotifierOptions): Notifier {
  const { situation, now, log, timeoutMs = 10_000, intervalMs = 500 } = options;
  const { monotonic = systemClock.monotonic, timers = systemTimers } = options;
  let channels: Channel[] = [];
  let timer: Timer | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  let isClosed = false;
  let kept = "";

  function configure(receivers: readonly NotifyConfig[]): void {
    const before = channels;
    channels = receivers.map((config) => {
      const key = createHash("sha256").update(JSON.stringify(config)).digest("base64url");
      const known = before.find((channel) => channel.key === key);
      const finder = known?.finder ?? createNoticeFinder(config, options.remembered.get(key));
      return known ?? { key, config, finder, waiting: [], isSending: false };
    });
    lookWithin(intervalMs);
  }

  /** The earliest wish counts: one timer at most. */
  function lookWithin(ms: number): void {
    if (isClosed || channels.length === 0) return;
    const at = monotonic() + ms;
    if (timer !== undefined && dueAt <= at) return;
    timer?.stop();
    dueAt = at;
    timer = timers.after(Math.min(ms, maxTimerMs), look).unref();
  }

  function look(): void {
    timer = undefined;
    const seen = situation();
    const time = now();
    const next: number[] = seen.accounts.flatMap(({ status }) => status.until ?? []);
    for (const channel of channels) {
      for (const notice of channel.finder.look(seen, time)) {
        channel.waiting.push(notice);
        if (channel.waiting.length > maxWaiting) channel.waiting.shift();
      }
      if (channel.finder.nextAt !== undefined) next.push(channel.finder.nextAt);
      void sendWaiting(channel);
    }
    keep(time);
    // A cooldown ends without an event.
    const coming = next.filter((at) => at > time);
    if (coming.length > 0) lookWithin(Math.min(...coming) - time + 50);
  }

  function keep(time: number): void {
    const memories = new Map(channels.map(({ key, finder }) => [key, finder.memory(time)]));
    const text = JSON.stringify([...memories]);
    if (text === kept) return;
    kept = text;
    options.remember(memories);
  }

  /** One message after the other: a receiver that hangs holds up its own ones alone. */
  async function sendWaiting(channel: Channel): Promise<void> {
    if (channel.isSending) return;
    channel.isSending = true;
    for (let notice = channel.waiting.shift(); notice && !isClosed; notice = channel.waiting.shift()) {
      const { receiver } = channel.config;
      const dispatcher = options.dispatcherFor(channel.config);
      const result = await sendNotice(notice, now(), {
        receiver,
        dispatcher,
        timeoutMs,
        redact: options.redact,
      });
      const { event, account, family } = notice;
      const fields = {
        receiver: receiver.kind,
        event,
        ...(account && { account }),
        ...(family && { family }),
      };
      if (result.ok) log.debug(fields, "notification sent");
      else log.warn({ ...fields, reason: result.reason }, "notification not taken");
    }
    channel.isSending = false;
  }

  configure(options.receivers);
  return {
    changed: () => lookWithin(intervalMs),
    configure,
    close() {
      isClosed = true;
      timer?.stop();
    },
  };
}

/** Timers do not wait for more than 24 days. */
const maxTimerMs = 86_400_000;
