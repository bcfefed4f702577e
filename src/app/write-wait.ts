// Bounds how long a request waits for its own writes to the database: a moment, and only while the database is quick. Another program's
// lock, or a disk that hangs, holds up the first answer by that moment and the ones after it not at all.

export interface WriteWait {
  /** True when the write has ended by then, however it ended; else it goes on by itself. Never rejects. */
  for(write: Promise<unknown>): Promise<boolean>;
}

/** One for all writes of a relay: a request waits once, whatever it writes. */
export function createWriteWait(maxMs = 200): WriteWait {
  const overdue = new Set<Promise<unknown>>();

  return {
    async for(write) {
      const ended = write.then(
        () => true,
        () => true,
      );
      if (overdue.size > 0) return false;
      const { promise: late, resolve } = Promise.withResolvers<boolean>();
      const timer = setTimeout(resolve, maxMs, false);
      const isInTime = await Promise.race([ended, late]);
      clearTimeout(timer);
      if (!isInTime) {
        overdue.add(ended);
        void ended.then(() => overdue.delete(ended));
      }
      return isInTime;
    },
  };
}
