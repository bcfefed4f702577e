// Watches the configuration file for changes. Looks at it several times a second instead of asking the system: that works on
// every file system, and through editors and volume mounts that replace the file or the folder it is in.

import { statSync } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { systemClock } from "../time/clock.ts";
import { systemTimers, type Timer, type Timers } from "../time/timers.ts";

export interface WatchOptions {
  /** Between two looks. */
  intervalMs?: number;
  /** How long a changed file must stay the same before it counts: an editor may still be writing. */
  settleMs?: number;
  /** Called once when the file has been gone for a while; editors take it away for moments only. */
  onGone?: () => void;
  goneMs?: number;
  /** The system's unless given. */
  monotonic?: () => number;
  /** The system's unless given. */
  timers?: Timers;
}

/** A file, existing or not, as it was at one moment. */
export interface SightedFile {
  path: string;
  state: string;
}

/** Taken before the file is read: a change that comes while it is read or before the watch begins is then noticed too. */
export function sightFile(path: string): SightedFile {
  return { path, state: inspectNow(path) };
}

/**
 * Calls back after the file changed since it was sighted, appeared or was replaced, once it is quiet again; not while it is gone.
 * Never keeps the process alive. Returns the function that ends it.
 */
export function watchConfig(
  { path: file, state }: SightedFile,
  onChange: () => void,
  options: WatchOptions = {},
): () => void {
  const { intervalMs = 250, settleMs = 50, onGone, goneMs = 1000 } = options;
  const { monotonic = systemClock.monotonic, timers = systemTimers } = options;
  let known = state;
  let last = known;
  let timer: Timer | undefined;
  let stopped = false;
  /** Since when it has been gone (monotonic); infinite when that has been said. */
  let goneSince: number | undefined;

  const noteGone = (isGone: boolean): void => {
    const now = monotonic();
    if (!isGone) goneSince = undefined;
    else goneSince ??= now;
    if (goneSince === undefined || now - goneSince < goneMs) return;
    goneSince = Number.POSITIVE_INFINITY;
    onGone?.();
  };
  const wait = (ms: number): void => {
    if (stopped) return;
    timer = timers.after(ms, () => void look()).unref();
  };
  const look = async (): Promise<void> => {
    const seen = await inspect(file);
    if (stopped) return;
    const settled = seen === last;
    last = seen;
    noteGone(seen === gone && known !== gone);
    if (seen === known || seen === gone) return wait(intervalMs);
    if (!settled) return wait(settleMs);
    known = seen;
    // The next look is arranged first: a callback that throws must not end the watch.
    wait(intervalMs);
    onChange();
  };
  wait(intervalMs);
  return () => {
    stopped = true;
    timer?.stop();
  };
}

const gone = "gone";

function inspectNow(file: string): string {
  try {
    return describe(statSync(file, { bigint: true }));
  } catch {
    return gone;
  }
}

async function inspect(file: string): Promise<string> {
  try {
    return describe(await stat(file, { bigint: true }));
  } catch {
    return gone;
  }
}

interface FileState {
  dev: bigint;
  ino: bigint;
  size: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
}

/** Inode and time of the last status change too: a file of equal size and age can have replaced it. */
function describe({ dev, ino, size, mtimeNs, ctimeNs }: FileState): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(":");
}

/**
 * Whether a file is mounted by itself, as container descriptions often have it: a program that replaces it outside, as editors and
 * `cc-relay login` do, changes nothing inside, because the mount stays on the old one. False where it cannot be found out.
 */
export async function isMountedAlone(file: string): Promise<boolean> {
  try {
    const [mounts, path] = await Promise.all([readFile("/proc/self/mountinfo", "utf8"), realpath(file)]);
    return mountPoints(mounts).includes(path);
  } catch {
    return false;
  }
}

/** proc_pid_mountinfo(5): the fifth field, in which a space, a tab, a line break and a backslash are octal numbers. */
export function mountPoints(mountinfo: string): string[] {
  return mountinfo
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))),
    );
}
