// Recognises a configuration file that is still being written, or that a full disk has emptied: such a file is not loaded.

import { UserError } from "../domain/errors.ts";
import type { Config } from "./config.ts";
import type { ConfigSource } from "./load.ts";
import { printable } from "./problem.ts";

/** `changed`: the file is another one than before. `asked`: a start or a signal, by which a person says that it is meant. */
export type ReloadCause = "changed" | "asked";

export interface ConfigReader {
  /** Throws UserError for what is wrong with the file, and UnfinishedConfig for a change that does not look meant. */
  read(cause: ReloadCause): Promise<Config>;
}

/** The bytes may be the beginning of a write that has not come to its end. */
export class UnfinishedConfig extends UserError {
  override name = "UnfinishedConfig";
}

/** @param load reads the configuration and shows `inspect` its text before anything is made of it; passes on what that throws. */
export function createConfigReader(
  load: (inspect: (source: ConfigSource) => void) => Promise<Config>,
): ConfigReader {
  let accepted: ConfigSource | undefined;
  return {
    async read(cause) {
      let source: ConfigSource | undefined;
      const config = await load((found) => {
        source = found;
        const fault = cause === "changed" && accepted ? findUnfinished(accepted, found) : undefined;
        if (fault !== undefined) throw unfinished(accepted?.file ?? found.file, fault);
      });
      accepted = source;
      return config;
    },
  };
}

/** What is suspicious about a file that comes after another; undefined when it counts. */
export function findUnfinished(before: ConfigSource, after: ConfigSource): string | undefined {
  if (before.file !== undefined && after.file !== before.file) return "is gone";
  if (after.text === before.text) return undefined;
  if (/^\ufeff?\s*$/.test(after.text)) return "is empty";
  return before.text.startsWith(after.text) ? "is only the beginning of what it was" : undefined;
}

function unfinished(file: string | undefined, fault: string): UnfinishedConfig {
  return new UnfinishedConfig(`${file === undefined ? "the configuration" : printable(file, 400)} ${fault}`, {
    fix: "if that is meant, restart the relay or send it SIGHUP",
  });
}
