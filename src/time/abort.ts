// Signals that end work: waits that stop at one, and time limits whose timer ends with the work.

/** False when the signal came first: the promise goes on, and nobody hears any more how it ends. Rejects as the promise does. */
export async function unlessAborted(
  promise: Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { promise: aborted, resolve } = Promise.withResolvers<boolean>();
  const abort = () => resolve(false);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    // The signal comes first, so that one that came before counts although the promise is settled too.
    return await Promise.race([aborted, promise.then(() => true)]);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

export interface TimeLimit {
  signal: AbortSignal;
  /** The work is over: the timer and everything that listens to it are let go. */
  clear(): void;
}

/**
 * Aborts with a TimeoutError after so many ms, or with the signal's reason as soon as that aborts. AbortSignal.timeout would keep all
 * that listens to it until its time is over, and hides its timer from tests.
 */
export function timeLimit(ms: number, signal?: AbortSignal): TimeLimit {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(lateness(ms)), Math.ceil(ms));
  const abort = () => limit.abort(signal?.reason);
  const clear = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  };
  limit.signal.addEventListener("abort", clear, { once: true });
  if (signal?.aborted) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  return { signal: limit.signal, clear };
}

function lateness(ms: number): Error {
  const error = new Error(`not done within ${Math.round(ms / 1000)} s`);
  error.name = "TimeoutError";
  return error;
}
