// Detects a configuration file that is mounted by itself, as container descriptions often have it: a program that replaces such a file
// outside, as editors and `cc-relay login` do, changes nothing inside, because the mount stays on the old one.

import { readFile, realpath } from "node:fs/promises";

/** False where it cannot be found out. */
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
