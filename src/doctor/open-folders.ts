// Finds the folders of a file, up to the root, in which other users of this machine could put another file or folder in its place.

import { readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";

export interface OpenFolder {
  path: string;
  mode: number;
  to: "everybody" | "group" | "owner";
}

export interface Users {
  /** Of this process; undefined where there is none. */
  uid: number | undefined;
  /** Whether nobody but one user is in the group: many systems give each user one. */
  isPrivateGroup(gid: number): boolean;
}

/** Where the file is a link, both ways lead to it. */
export function findOpenFolders(file: string, users: Users): OpenFolder[] {
  const folders = new Set([file, realPath(file)].flatMap(foldersAbove));
  return [...folders].flatMap((path) => {
    const stats = statOf(path);
    const to = stats && openTo(stats, users);
    return to === undefined ? [] : [{ path, mode: stats!.mode & 0o7777, to }];
  });
}

function openTo(stats: Stats, { uid, isPrivateGroup }: Users): OpenFolder["to"] | undefined {
  if (uid !== undefined && stats.uid !== uid && stats.uid !== 0) return "owner";
  // In a sticky folder (/tmp) a file can be replaced by its owner only.
  if ((stats.mode & 0o1000) !== 0) return undefined;
  if ((stats.mode & 0o002) !== 0) return "everybody";
  return (stats.mode & 0o020) !== 0 && !isPrivateGroup(stats.gid) ? "group" : undefined;
}

function foldersAbove(path: string): string[] {
  const folder = dirname(path);
  return folder === path ? [] : [folder, ...foldersAbove(folder)];
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** What cannot be looked at has checks of its own, which say why. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Reads `group(5)` and `passwd(5)`; of groups that a directory service knows nothing is learned, and they are not private. */
export function readPrivateGroups(
  files = { group: "/etc/group", passwd: "/etc/passwd" },
): Users["isPrivateGroup"] {
  const members = new Map<number, Set<string>>();
  const add = (gid: number, name: string) => members.set(gid, (members.get(gid) ?? new Set()).add(name));
  try {
    for (const [, , gid, names] of entriesOf(files.group)) {
      if (!members.has(Number(gid))) members.set(Number(gid), new Set());
      for (const name of (names ?? "").split(",")) if (name !== "") add(Number(gid), name);
    }
    for (const [name, , , gid] of entriesOf(files.passwd)) add(Number(gid), name ?? "");
  } catch {
    members.clear();
  }
  return (gid) => (members.get(gid)?.size ?? 2) <= 1;
}

function entriesOf(file: string): string[][] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.includes(":"))
    .map((line) => line.split(":"));
}
