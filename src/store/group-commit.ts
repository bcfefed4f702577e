// Rows that are ready within a few milliseconds share a commit: it costs more than they do.

import { systemClock } from "../time/clock.ts";

export interface GroupCommit<Row> {
  /** Resolves when the row is committed; rejects with what its commit failed with. */
  add(row: Row): Promise<void>;
  /** Commits what waits, and waits for what is being committed. Never rejects. */
  settle(): Promise<void>;
}

export interface GroupCommitOptions<Row> {
  commit(rows: readonly Row[]): Promise<void>;
  /** Two commits are at least this far apart: a row that comes alone waits for nothing. 2 unless given. */
  intervalMs?: number;
  /** So many rows are committed at once. 64 unless given. */
  maxRows?: number;
  /** The system's unless given. */
  monotonic?: () => number;
}

interface Waiting<Row> {
  row: Row;
  resolve(): void;
  reject(error: unknown): void;
}

export function createGroupCommit<Row>(options: GroupCommitOptions<Row>): GroupCommit<Row> {
  const { commit, intervalMs = 2, maxRows = 64, monotonic = systemClock.monotonic } = options;
  let underWay = 0;
  let onceSettled: (() => void)[] = [];
  let waiting: Waiting<Row>[] = [];
  let timer: NodeJS.Timeout | undefined;
  let committedAt = Number.NEGATIVE_INFINITY;

  async function commitWaiting(): Promise<void> {
    const group = waiting;
    waiting = [];
    clearTimeout(timer);
    timer = undefined;
    if (group.length === 0) return;
    try {
      await commit(group.map(({ row }) => row));
      for (const { resolve } of group) resolve();
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
    committedAt = monotonic();
  }

  function start(): void {
    underWay++;
    void commitWaiting().then(() => {
      underWay--;
      if (underWay > 0) return;
      for (const resolve of onceSettled) resolve();
      onceSettled = [];
    });
  }

  function schedule(): void {
    const waitMs = committedAt + intervalMs - monotonic();
    // Rows of the same turn come along in any case.
    if (waitMs > 0) timer = setTimeout(start, waitMs);
    else setImmediate(start);
  }

  return {
    add: (row) =>
      new Promise((resolve, reject) => {
        waiting.push({ row, resolve, reject });
        if (waiting.length === maxRows) start();
        else if (waiting.length === 1) schedule();
      }),
    async settle() {
      start();
      await new Promise<void>((resolve) => onceSettled.push(resolve));
    },
  };
}
