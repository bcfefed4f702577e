// Waits for a promise until a signal aborts the wait; the work itself goes on.

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
