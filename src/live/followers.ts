// Sends each follower of a changing document a line when it has changed: few times a second, never while nothing moves, and
// no more than one line is kept for a follower that does not read.

export interface Follower {
  /** Takes one line; false when it should get no more before `onDrain` calls back. */
  write(line: string): boolean;
  onDrain(callback: () => void): void;
  /** No line will come any more. */
  end(): void;
  /** The follower does not read any more: it is let go of. */
  drop(): void;
}

export interface Followers {
  /** Sends the document as it is now, then a line per change; returns a stop function. */
  add(follower: Follower): () => void;
  /** Something may have changed. Cheap when nobody follows. */
  changed(): void;
  readonly count: number;
  close(): void;
}

export interface FollowersOptions {
  /** The document as one line without its end; asked only when somebody will get it. */
  render(): Promise<string> | string;
  /** Least time between two lines. */
  intervalMs: number;
  /** A follower that has read nothing for so long is dropped. */
  stalledMs: number;
  onError(error: unknown): void;
}

/** What fails once may fail each time, and each failure is a line of the log. */
const intervalsAfterError = 10;

interface Reader {
  follower: Follower;
  /** The line it got last: the same one is not sent again. */
  sent: string;
  isFull: boolean;
  stalled: NodeJS.Timeout | undefined;
}

export function createFollowers({ render, intervalMs, stalledMs, onError }: FollowersOptions): Followers {
  const readers = new Set<Reader>();
  let timer: NodeJS.Timeout | undefined;
  let isDirty = false;
  let isRendering = false;

  /** The first change of a quiet time is sent at once; what comes within the interval waits for its end. */
  function schedule(): void {
    isDirty = true;
    if (timer !== undefined || isRendering || readers.size === 0) return;
    timer = setTimeout(intervalOver, intervalMs);
    void send();
  }

  function intervalOver(): void {
    timer = undefined;
    if (isDirty) schedule();
  }

  async function send(): Promise<void> {
    isDirty = false;
    isRendering = true;
    try {
      const line = await render();
      for (const reader of readers) give(reader, line);
    } catch (error) {
      onError(error);
      // Nobody has got what had changed.
      isDirty = true;
      clearTimeout(timer);
      if (readers.size > 0) timer = setTimeout(intervalOver, intervalMs * intervalsAfterError);
    } finally {
      isRendering = false;
      if (isDirty && timer === undefined) schedule();
    }
  }

  function give(reader: Reader, line: string): void {
    if (reader.isFull || reader.sent === line) return;
    reader.sent = line;
    if (reader.follower.write(`${line}\n`)) return;
    reader.isFull = true;
    reader.stalled = setTimeout(() => {
      remove(reader);
      reader.follower.drop();
    }, stalledMs);
    reader.stalled.unref();
    reader.follower.onDrain(() => {
      clearTimeout(reader.stalled);
      reader.isFull = false;
      // What it has missed is in the next line.
      schedule();
    });
  }

  function remove(reader: Reader): void {
    clearTimeout(reader.stalled);
    readers.delete(reader);
    if (readers.size > 0) return;
    clearTimeout(timer);
    timer = undefined;
  }

  return {
    add(follower) {
      const reader: Reader = { follower, sent: "", isFull: false, stalled: undefined };
      readers.add(reader);
      schedule();
      return () => remove(reader);
    },
    changed() {
      if (readers.size > 0) schedule();
    },
    get count() {
      return readers.size;
    },
    close() {
      for (const reader of [...readers]) {
        remove(reader);
        if (reader.isFull) reader.follower.drop();
        else reader.follower.end();
      }
    },
  };
}
