// What a changed configuration file may do to a running relay, and what is said about it.

import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/problem.ts";
import { type ReloadCause, UnfinishedConfig } from "../config/reload.ts";
import type { SightedFile } from "../config/watch.ts";
import { fixText, UserError } from "../domain/errors.ts";
import { isLoopbackHost } from "../network/loopback.ts";
import type { Log } from "../telemetry/log.ts";

import type { RelayAppOptions } from "./relay-app.ts";

export function sayGone({ path }: SightedFile, log: Log): void {
  log.warn({ file: path }, "the configuration file is gone: the old configuration stays until it is back");
}

export async function readNext(
  { readConfig }: RelayAppOptions,
  cause: ReloadCause,
  log: Log,
): Promise<Config | undefined> {
  try {
    return await readConfig(cause);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (error instanceof UnfinishedConfig) {
      const { message: reason } = error;
      const fix = error.fix && fixText(error.fix);
      log.error(
        { reason, fix },
        "the configuration file does not look finished: the old configuration stays",
      );
      return undefined;
    }
    const problems = error instanceof ConfigError ? error.problems : undefined;
    log.error({ problems, reason: error.message }, "the new configuration is broken, the old one stays");
    return undefined;
  }
}

/** Without keys only this machine may ask, and the address that is bound stays bound whatever the file says. */
export function opensToOthers(next: Config, boundHost: string, log: Log): boolean {
  if (next.apiKeys.length > 0 || isLoopbackHost(boundHost)) return false;
  log.error(
    { host: boundHost },
    "the new configuration has no api_keys, and others can reach this relay: the old one stays until a restart",
  );
  return true;
}

/** What a running process cannot change. */
export function warnOfFixedSettings(before: Config, after: Config, log: Log): void {
  for (const key of ["host", "port", "databasePath", "logLevel"] as const) {
    if (before.server[key] === after.server[key]) continue;
    log.warn(
      { setting: key, now: before.server[key], configured: after.server[key] },
      "this setting needs a restart",
    );
  }
}
