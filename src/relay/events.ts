// The events that the pipeline emits about its requests: the log, the metrics and the live view listen. Payloads hold
// figures and names, never bodies, prompts or credentials.

import type { RelayErrorCode } from "../domain/errors.ts";
import type { FailureKind } from "../domain/failure.ts";
import type { Family } from "../domain/family.ts";
import type { AttemptRow, UsageRow } from "../store/usage-store.ts";

export interface RelayEventMap {
  requestStarted: RequestStarted;
  attemptStarted: AttemptStarted;
  attemptFinished: AttemptFinished;
  failedOver: FailedOver;
  answerStarted: AnswerStarted;
  requestFinished: RequestFinished;
  requestRefused: RequestRefused;
  accountChanged: AccountChanged;
}

/** A request has been read, and its key was right. `requestFinished` follows whatever happens. */
export interface RequestStarted {
  /** Our id of the request. */
  request: string;
  /** Epoch ms. */
  time: number;
  /** Name of the client key; "anonymous" without keys. */
  client: string;
  family: Family;
  /** `claude/generate`, `chat/generate`, `gemini/embed` … */
  route: string;
  /** As the client asked for it; "" when the request named none. */
  model: string;
  stream: boolean;
}

/** One account is asked. */
export interface AttemptStarted {
  request: string;
  /** 1 for the first. */
  attempt: number;
  account: string;
}

/** What came of it, and what follows. Said as soon as the latter is known. */
export interface AttemptFinished extends AttemptRow {
  request: string;
  family: Family;
  /** The provider's own words where there are any, without secrets, for the log alone: they may quote the request. */
  fullReason: string | undefined;
  /** Epoch ms until which the account is in cooldown for this request; undefined when it is in none. */
  until: number | undefined;
}

/** Another account is asked because one failed. The client has noticed nothing. */
export interface FailedOver {
  request: string;
  family: Family;
  from: string;
  to: string;
  failure: FailureKind;
}

/** The first bytes are on their way to the client: the account is settled. */
export interface AnswerStarted {
  request: string;
  family: Family;
  account: string;
  status: number;
  firstByteMs: number;
}

/** All is over. The row has every figure, and what its price depends on. */
export interface RequestFinished {
  row: UsageRow;
  /** The accounts that were asked, in order. */
  path: readonly string[];
  /** It cost nothing and is not in the store. */
  isFree: boolean;
  /** Why the answer could not be read for its usage, which is unknown then; undefined: all was read. */
  unreadable?: string | undefined;
  /** The relay's own error, when that was the answer. */
  error: RelayErrorCode | undefined;
}

/** A request was turned away before it was read: a wrong key, host, path or size. */
export interface RequestRefused {
  request: string;
  method: string;
  /** As in the usage table; of a path without a route, what can be logged of it. */
  route: string;
  error: RelayErrorCode;
  status: number;
  /** What else the owner must know to change it: the setting, and what was refused. No secrets. */
  detail: Readonly<Record<string, string>> | undefined;
}

/** A cooldown began or ended, or the account's settings changed. Its state is read from the pool. */
export interface AccountChanged {
  account: string;
}

export type RelayEventName = keyof RelayEventMap;

export interface RelayEvents {
  /** Returns a function that ends the listening. */
  on<Name extends RelayEventName>(name: Name, listener: (event: RelayEventMap[Name]) => void): () => void;
  /** Calls every listener before it returns. The event is made only where somebody listens. */
  emit<Name extends RelayEventName>(name: Name, make: () => RelayEventMap[Name]): void;
}

type Listeners = { [Name in RelayEventName]: Set<(event: RelayEventMap[Name]) => void> };

/** @param onListenerError a listener that throws is reported here, and costs neither the request nor the other listeners. */
export function createRelayEvents(onListenerError: (error: unknown) => void): RelayEvents {
  const listeners: Listeners = {
    requestStarted: new Set(),
    attemptStarted: new Set(),
    attemptFinished: new Set(),
    failedOver: new Set(),
    answerStarted: new Set(),
    requestFinished: new Set(),
    requestRefused: new Set(),
    accountChanged: new Set(),
  };
  return {
    on(name, listener) {
      listeners[name].add(listener);
      return () => void listeners[name].delete(listener);
    },
    emit(name, make) {
      if (listeners[name].size === 0) return;
      const event = make();
      for (const listener of listeners[name]) {
        try {
          listener(event);
        } catch (error) {
          onListenerError(error);
        }
      }
    },
  };
}
