// Starts a detached refresh process, sends it orders and lets it end.

import { type ChildProcess, fork } from "node:child_process";
import type { RefreshOutcome, UnsavedRow } from "../../oauth/refresh.ts";
import type { Log } from "../../telemetry/log.ts";
import { isReport, type RefreshOrder } from "./messages.ts";

export interface RefreshWorkerOptions {
  /** The module it runs. */
  script: string;
  /** Its working folder: the relay's own may have been removed since. */
  folder: string;
  log: Log;
  /** It died with a pair that is on no disk yet. */
  takeOver(login: string, pair: UnsavedRow): Promise<void>;
}

export type WorkerAnswer =
  | { kind: "outcome"; outcome: RefreshOutcome }
  /** It could not do it, and goes on with other logins. */
  | { kind: "unable"; reason: string }
  | { kind: "ended"; reason: string };

export interface RefreshWorker {
  ask(order: RefreshOrder): Promise<WorkerAnswer>;
  /** Whether it has nothing to do any more: then it is ending, and is not asked again. */
  isDone(): boolean;
  keepsPairOf(login: string): boolean;
  /** Resolves when the process has ended and what it kept has been taken over. */
  readonly ended: Promise<void>;
  /** Waits a little for what is under way, then lets the process go on alone. */
  release(): Promise<void>;
}

/** Longer than a refresh takes in its slowest case: a process that has not answered by then was stopped. */
const answerLimitMs = 240_000;
const releaseLimitMs = 5_000;
/** A channel that takes no order is mostly that of a process that has ended; how it ended comes a moment later, and says more. */
const exitNoticeMs = 2_000;

export function startRefreshWorker({ script, folder, log, takeOver }: RefreshWorkerOptions): RefreshWorker {
  const pending = new Map<string, (answer: WorkerAnswer) => void>();
  const kept = new Map<string, UnsavedRow>();
  const over = Promise.withResolvers<void>();
  const ended = over.promise.then(async () => {
    const pairs = [...kept];
    kept.clear();
    await Promise.all(pairs.map(([login, pair]) => takeOver(login, pair)));
  });
  let exit: string | undefined;
  let child: ChildProcess | undefined;

  function settle(login: string, answer: WorkerAnswer): void {
    pending.get(login)?.(answer);
    pending.delete(login);
  }

  function end(reason: string): void {
    exit ??= reason;
    over.resolve();
    for (const login of [...pending.keys()]) settle(login, { kind: "ended", reason });
  }

  function read(message: unknown): void {
    if (!isReport(message)) return;
    switch (message.kind) {
      case "log":
        return log[message.level](message.fields, message.message);
      case "outcome":
        if (message.outcome.kind === "row") keep(message.login, message.outcome.unsaved);
        return settle(message.login, message);
      case "saved":
        return keep(message.login, undefined);
      case "unable":
        return settle(message.login, message);
    }
  }

  function keep(login: string, pair: UnsavedRow | undefined): void {
    if (pair === undefined) kept.delete(login);
    else kept.set(login, pair);
  }

  function endWithoutExit(error: Error): void {
    setTimeout(end, exitNoticeMs, error.message).unref();
  }

  try {
    const started = startProcess(script, folder);
    child = started;
    started.on("message", read);
    started.on("error", (error) => end(error.message));
    started.on("exit", (code, signal) => {
      exit ??= `it ended with ${signal ?? `code ${code}`}`;
      // What it said last may still be in the channel.
      if (!started.connected) end(exit);
    });
    started.on("disconnect", () => {
      if (exit !== undefined) end(exit);
    });
  } catch (error) {
    end(error instanceof Error ? error.message : String(error));
  }

  return {
    ended,
    keepsPairOf: (login) => kept.has(login),
    isDone: () => exit !== undefined || (pending.size === 0 && kept.size === 0),
    ask(order) {
      const { promise, resolve } = Promise.withResolvers<WorkerAnswer>();
      pending.set(order.login, resolve);
      const limit = setTimeout(() => {
        if (child?.connected) child.disconnect();
        end("it does not answer");
      }, answerLimitMs);
      if (exit !== undefined) settle(order.login, { kind: "ended", reason: exit });
      // Without file descriptors for its channel a process is not started, and has no `send`.
      else if (child?.connected) child.send(order, (error) => error && endWithoutExit(error));
      else end("it cannot be reached");
      return promise.finally(() => clearTimeout(limit));
    },
    async release() {
      const limit = Promise.withResolvers<void>();
      const timer = setTimeout(limit.resolve, releaseLimitMs);
      const wait = (what: Promise<unknown>) => Promise.race([what, limit.promise]);
      if (pending.size > 0) await wait(Promise.all([...pending.keys()].map(answered)));
      if (child?.connected) child.disconnect();
      if (kept.size === 0) await wait(over.promise);
      clearTimeout(timer);
      const { pid } = child ?? {};
      if (exit === undefined) log.warn({ pid }, "a process that refreshes logins goes on after the relay");
      end("the relay is being stopped");
      child?.unref();
    },
  };

  function answered(login: string): Promise<void> {
    const settled = pending.get(login);
    return new Promise((resolve) => {
      pending.set(login, (answer) => {
        settled?.(answer);
        resolve();
      });
    });
  }
}

/**
 * Detached: in a session of its own neither a signal to the relay's group nor the end of its terminal reaches it. Whatever it
 * gets goes over the channel: everybody on the machine can read the arguments of a process.
 */
function startProcess(script: string, folder: string): ChildProcess {
  return fork(script, [], {
    detached: true,
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    // A debugger's port is taken by this process, and a wait for a debugger would not end.
    execArgv: process.execArgv.filter((argument) => !argument.startsWith("--inspect")),
    cwd: folder,
  });
}
