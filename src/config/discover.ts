// Finds config.toml, the place where it would be written, and the database's path where there is no file.

import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { UserError } from "../domain/errors.ts";
import type { Environment } from "./environment.ts";
import { printable } from "./problem.ts";

export interface Discovery {
  /** Absolute; undefined when there is no file. */
  file: string | undefined;
  /** The file that a command which changes the configuration writes: the found one, or where a new one would be found. Absolute. */
  target: string;
  /** Every place that was looked at, first choice first. Absolute. */
  candidates: readonly string[];
}

export interface DiscoverOptions {
  /** The value of `--config`; undefined when it was not given. */
  flag?: string | undefined;
  environment: Environment;
}

/** Throws a UserError when `--config` or $CC_RELAY_CONFIG names a file that is not there. */
export async function discoverConfig(options: DiscoverOptions): Promise<Discovery> {
  const named = findNamed(options);
  if (named !== undefined) {
    if (!(await exists(named.file))) throw missingFile(named);
    return { file: named.file, target: named.file, candidates: [named.file] };
  }
  const candidates = listUsualPlaces(options.environment);
  for (const candidate of candidates) {
    if (await exists(candidate)) return { file: candidate, target: candidate, candidates };
  }
  return { file: undefined, target: candidates[candidates.length - 1]!, candidates };
}

/** The file that `login` and `accounts` write. A named one need not be there yet. */
export async function findConfigTarget(options: DiscoverOptions): Promise<string> {
  return findNamed(options)?.file ?? (await discoverConfig(options)).target;
}

/** The file that is found from every folder, where none has its own. */
export function usualConfigFile({ configFolder }: Environment): string {
  return join(configFolder, "config.toml");
}

/** The database that is used when no configuration file names one. */
export function defaultDatabasePath(environment: Environment): string {
  return join(environment.dataFolder, "relay.db");
}

/** Relative paths of a configuration count from its file's folder. */
export function resolveDatabasePath(file: string, databasePath: string): string {
  return resolve(dirname(file), databasePath);
}

interface NamedFile {
  file: string;
  by: "--config" | "CC_RELAY_CONFIG";
}

function findNamed({ flag, environment }: DiscoverOptions): NamedFile | undefined {
  const { env, cwd } = environment;
  if (flag !== undefined) {
    if (flag === "")
      throw new UserError("--config needs the name of a file", {
        fix: "such as: --config ./config.toml",
        exitCode: 2,
      });
    return { file: resolve(cwd, flag), by: "--config" };
  }
  if (env.CC_RELAY_CONFIG) return { file: resolve(cwd, env.CC_RELAY_CONFIG), by: "CC_RELAY_CONFIG" };
  return undefined;
}

function listUsualPlaces(environment: Environment): [string, string] {
  return [join(environment.cwd, "config.toml"), usualConfigFile(environment)];
}

function missingFile({ file, by }: NamedFile): UserError {
  const name = by === "CC_RELAY_CONFIG" ? "the environment variable CC_RELAY_CONFIG" : by;
  return new UserError(`${name} names the file ${printable(file, 400)}, and there is none`, {
    fix: `name an existing file, or leave ${by} out`,
  });
}

/** A file that is there but cannot be looked at counts: reading it gives the reason. */
async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return code !== "ENOENT" && code !== "ENOTDIR";
  }
}
