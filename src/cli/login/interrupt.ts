// Ends a command cleanly on a signal.

import type { CommandContext } from "../context.ts";

const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs work that must not be killed in the middle: a signal aborts what `work` is given, and the process dies of it once work
 * has rejected. Work that comes to its end all the same has done what it was asked for.
 */
export async function interruptible<T>(
  context: CommandContext,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let received: NodeJS.Signals | undefined;
  const listeners = signals.map((signal) => {
    const listener = () => {
      received ??= signal;
      controller.abort();
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  try {
    return await work(controller.signal);
  } catch (error) {
    context.exitSignal = received;
    throw error;
  } finally {
    for (const { signal, listener } of listeners) process.off(signal, listener);
  }
}
