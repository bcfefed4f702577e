// Checks file modes: other users of this machine must not read the keys and tokens, or replace the files.

import type { Stats } from "node:fs";
import { shellWord } from "../terminal/shells.ts";
import { type Check, findingsOn } from "./check.ts";
import { findOpenFolders, type OpenFolder, readPrivateGroups, statOf, type Users } from "./open-folders.ts";

export interface FileModesOptions {
  configFile: string | undefined;
  databasePath: string | undefined;
  platform: NodeJS.Platform;
  /** Of this process; undefined where there is none. */
  uid: number | undefined;
  /** The system's when absent. */
  isPrivateGroup?: Users["isPrivateGroup"];
}

/** Empty where there is no file yet, or files have no modes. */
export function checkFileModes(options: FileModesOptions): Check[] {
  const { configFile, databasePath, platform, uid, isPrivateGroup = readPrivateGroups() } = options;
  if (platform === "win32") return [];
  const config = configFile === undefined ? [] : [configFile];
  // SQLite's own companions hold the same rows.
  const ends = ["", "-wal", "-shm", ".login-key"];
  const database = databasePath === undefined ? [] : ends.map((end) => databasePath + end);
  const files = [config, database].map(existing).filter((group) => group.length > 0);
  if (files.length === 0) return [];
  const faults = [
    ...files.flatMap((group) => wideFiles(group, uid)),
    ...foldersOf(files, { uid, isPrivateGroup }),
  ];
  return faults.length > 0 ? faults : [findings.ok(`closed to others: ${files.map(nameOf).join(" and ")}`)];
}

const findings = findingsOn("relay", "file modes");

interface Entry {
  path: string;
  stats: Stats;
}

function existing(paths: readonly string[]): Entry[] {
  return paths.flatMap((path) => {
    const stats = statOf(path);
    return stats?.isFile() ? [{ path, stats }] : [];
  });
}

/** The first one names the group: the others are its companions. */
function nameOf([first]: readonly Entry[]): string {
  return first?.path ?? "";
}

function wideFiles(group: readonly Entry[], uid: number | undefined): Check[] {
  const wide = group.filter(({ stats }) => (stats.mode & forbiddenTo(stats, uid)) !== 0);
  const [first] = wide;
  if (first === undefined) return [];
  const canWrite = wide.some(({ stats }) => (stats.mode & 0o022) !== 0);
  const detail = `others can ${canWrite ? "read and change" : "read"} ${first.path} (mode ${octal(first.stats)}), and it holds secrets`;
  const paths = wide.map(({ path }) => shellWord(path)).join(" ");
  return [findings.warn(detail, { instruction: "to keep it private, run:", command: `chmod 600 ${paths}` })];
}

/** A file of root's that a service's group may read is how packages install one; nobody else's group is meant. */
function forbiddenTo(stats: Stats, uid: number | undefined): number {
  return uid === undefined || stats.uid === uid ? 0o077 : 0o027;
}

/** Each once: the two files are mostly in one folder. */
function foldersOf(files: readonly Entry[][], users: Users): Check[] {
  const open = files.flatMap((group) => findOpenFolders(nameOf(group), users));
  return [...new Map(open.map((folder) => [folder.path, folder])).values()].map((folder) =>
    folderFault(folder, users),
  );
}

function folderFault({ path, mode, to }: OpenFolder, { uid }: Users): Check {
  const who = {
    everybody: ["everybody can put files into", `chmod o-w ${shellWord(path)}`],
    group: ["a group of users can put files into", `chmod g-w ${shellWord(path)}`],
    // Only root can take a folder from its owner.
    owner: ["another user owns", `${uid === 0 ? "" : "sudo "}chown "$USER" ${shellWord(path)}`],
  } as const;
  const [what, command] = who[to];
  const instruction = "to keep others out, run:";
  return findings.warn(`${what} ${path} (mode ${mode.toString(8)})`, { instruction, command });
}

function octal({ mode }: Stats): string {
  return (mode & 0o777).toString(8);
}
