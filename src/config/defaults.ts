// The configuration without a file.

import { assembleConfig } from "./assemble.ts";
import type { AccountConfig, Config } from "./config.ts";
import { configSchema } from "./schema.ts";

export interface DefaultsOptions {
  /** Absolute. */
  databasePath: string;
  accounts?: AccountConfig[];
}

/** Every default, nothing of the environment, and the given accounts. */
export function defaultConfig({ databasePath, accounts = [] }: DefaultsOptions): Config {
  return {
    ...assembleConfig(configSchema.parse({}), { file: undefined, databasePath, env: {} }),
    accounts,
  };
}
