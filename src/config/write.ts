// Writes the configuration file: all of it or nothing, readable by its owner only, one command at a time, and never over a
// change that somebody else has just made.

import {
  access,
  constants,
  type FileHandle,
  mkdir,
  open,
  readlink,
  realpath,
  rename,
  stat,
  unlink,
} from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AccountKinds } from "../account-kinds/account-kind.ts";
import { UserError } from "../domain/errors.ts";
import { defaultDatabasePath } from "./discover.ts";
import type { Environment } from "./environment.ts";
import { readConfig } from "./load.ts";
import { describeSyntax, parseToml } from "./parse.ts";
import { ConfigError, printable } from "./problem.ts";
import { readConfigText } from "./read.ts";
import { formatLines } from "./toml-format.ts";

export interface EditOptions {
  /** Absolute; need not exist. See findConfigTarget. */
  file: string;
  environment: Environment;
  /** Every kind of account that there is. */
  kinds: AccountKinds;
  /** Pure: called again with the new text when the file changed meanwhile. */
  edit: (text: string) => string;
}

/**
 * Reads the file, edits its text and writes it back. A file that is not there begins empty, with its folder made.
 * Throws a ConfigError when the result could not be loaded and a UserError when the file cannot be written; then nothing has changed.
 */
export async function editConfigFile(options: EditOptions): Promise<void> {
  const isDone = await beforeWriting(options, async (target) => {
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (await replaceFile(target, options)) return true;
    }
    return false;
  });
  if (isDone) return;
  throw new UserError(
    `${printable(options.file, 400)} is being changed by another program, so nothing was written`,
    { fix: "save or close it there, and run the command again" },
  );
}

const attempts = 3;

/** Throws what editConfigFile would, as far as that is known before: nothing is written, no folder is made. */
export async function rehearseEdit(options: EditOptions): Promise<void> {
  await beforeWriting(options, async (target) => {
    await checkFolder(dirname(target));
    return true;
  });
}

/** What `work` makes of the file that would be replaced. True where nothing is to be written: a file that cannot be is no obstacle then. */
async function beforeWriting(
  options: EditOptions,
  work: (target: string) => Promise<boolean>,
): Promise<boolean> {
  const { file } = options;
  const current = await readIfThere(file);
  if (applyEdit(current, options) === current) return true;
  try {
    const target = await followLinks(file);
    await refuseReadOnly(target);
    return await work(target);
  } catch (error) {
    throw isSystemError(error) ? explainWriteError(error, file) : error;
  }
}

/** The text that an edit of the file would begin with, whether it is there or not. */
export async function readEditableText(file: string, environment: Environment): Promise<string> {
  return (await readIfThere(file)) ?? beginText(file, environment);
}

function applyEdit(current: string | undefined, { file, environment, kinds, edit }: EditOptions): string {
  const before = current ?? beginText(file, environment);
  const parsed = parseToml(before);
  if (!parsed.ok) throw new ConfigError([describeSyntax(parsed, file)]);
  const after = withOwnEnd(before, edit(before));
  readConfig(after, { file, environment, kinds, missingVariables: "warning" });
  return after;
}

/**
 * A running relay takes the beginning of what it knows for a write that has not come to its end: where the last lines were
 * removed, an empty line more says that this one has.
 */
function withOwnEnd(before: string, after: string): string {
  let text = after;
  while (text.length < before.length && before.startsWith(text)) text += "\n";
  return text;
}

/**
 * What a new file begins with. In the platform's own folder it names the database that was used without a file: the usual
 * one beside the file would be another, and what was counted so far would seem lost.
 */
function beginText(file: string, environment: Environment): string {
  if (dirname(file) !== environment.configFolder) return "";
  return [
    "# Configuration of cc-relay. Client keys belong here, above the first section:",
    '# api_keys = ["KEY"]',
    "",
    "[server]",
    ...formatLines({ database_path: defaultDatabasePath(environment) }),
    "",
  ].join("\n");
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    await stat(file);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
  }
  return await readConfigText(file);
}

/** A link stays a link: what it leads to is replaced. It may lead to a file that does not exist yet. */
async function followLinks(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  const target = await readlink(file).catch(() => undefined);
  return target === undefined ? file : resolve(dirname(file), target);
}

/** Replacing needs no right to the file itself, yet one that its owner has protected is meant to stay. */
async function refuseReadOnly(file: string): Promise<void> {
  const state = await statIfThere(file);
  if (state !== undefined && (Number(state.mode) & 0o222) === 0) throw readOnly(file);
}

/** Rejects when nothing could be put into the folder, or when it could not be made. */
async function checkFolder(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || dirname(folder) === folder) throw error;
    await checkFolder(dirname(folder));
  }
}

/** One try; false when somebody else changed the file meanwhile. */
async function replaceFile(file: string, options: EditOptions): Promise<boolean> {
  const draft = join(dirname(file), `.${basename(file)}.new`);
  const handle = await claimDraft(draft, file);
  let isDone = false;
  try {
    const current = await readIfThere(file);
    const text = applyEdit(current, options);
    await fillDraft(handle, { text, owner: await statIfThere(file) });
    if ((await readIfThere(file)) !== current || !(await isSameFile(handle, draft))) return false;
    await rename(draft, file);
    isDone = true;
  } finally {
    if (!isDone && (await isSameFile(handle, draft))) await unlink(draft);
    await handle.close();
  }
  await syncFolder(dirname(file));
  return true;
}

// Writing takes milliseconds. A draft older than this was left by a process that died.
const abandonedMs = 3000;
const waitTimeoutMs = 8000;

/** The draft is also the lock: there is one at a time, and renaming it into place gives it up. */
async function claimDraft(draft: string, file: string): Promise<FileHandle> {
  const deadline = Date.now() + waitTimeoutMs;
  while (Date.now() < deadline) {
    try {
      return await open(draft, "wx", 0o600);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
    const state = await statIfThere(draft);
    if (state !== undefined && Date.now() - Number(state.mtimeMs) > abandonedMs) await unlinkIfThere(draft);
    else await sleep(15);
  }
  throw new UserError(`another command is changing ${printable(file, 400)}`, {
    fix: `run the command again; if no other runs, remove ${printable(draft, 400)}`,
  });
}

interface DraftContent {
  text: string;
  /** Of the file it will replace; undefined when there is none. */
  owner: { uid: bigint; gid: bigint } | undefined;
}

async function fillDraft(handle: FileHandle, { text, owner }: DraftContent): Promise<void> {
  await handle.writeFile(text, "utf8");
  // The umask may have taken more than it should.
  await handle.chmod(0o600);
  // Root editing a user's file must not take it away from that user's daemon.
  const isForeign =
    owner !== undefined && process.getuid !== undefined && Number(owner.uid) !== process.getuid();
  if (isForeign) await handle.chown(Number(owner.uid), Number(owner.gid));
  await handle.sync();
}

/** Another process may have taken an abandoned draft away, and put its own there. */
async function isSameFile(handle: FileHandle, path: string): Promise<boolean> {
  const own = await handle.stat({ bigint: true });
  const there = await statIfThere(path);
  return there !== undefined && there.ino === own.ino && there.dev === own.dev;
}

/** Makes the new name durable. Where folders cannot be opened (Windows) the system does it by itself. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  if (handle === undefined) return;
  try {
    await handle.sync().catch(() => undefined);
  } finally {
    await handle.close();
  }
}

async function statIfThere(file: string) {
  try {
    return await stat(file, { bigint: true });
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function unlinkIfThere(file: string): Promise<void> {
  await unlink(file).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

function explainWriteError(error: unknown, file: string): UserError {
  const name = printable(file, 400);
  switch (codeOf(error)) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return readOnly(file, error);
    case "EBUSY":
    case "EXDEV":
      return new UserError(`${name} is mounted by itself and cannot be replaced`, {
        fix: "mount its folder instead of the file, or change the file by hand outside the container",
        cause: error,
      });
    case "ENOSPC":
    case "EDQUOT":
      return new UserError(`${name} cannot be written: the disk is full`, {
        fix: "make room and run the command again; the file is as it was",
        cause: error,
      });
    default:
      return new UserError(`${name} cannot be written: the system says ${codeOf(error) ?? "no"}`, {
        fix: "check the file, its folder and its disk",
        cause: error,
      });
  }
}

function readOnly(file: string, cause?: unknown): UserError {
  return new UserError(`${printable(file, 400)} is read-only, so that this command cannot change it`, {
    fix: "make the file and its folder writable for this user, or change the file by hand",
    cause,
  });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
