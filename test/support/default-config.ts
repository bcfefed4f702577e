// The configuration without a file: every default, nothing of the environment, and accounts of a test's own.

import { assembleConfig } from "../../src/config/assemble.ts";
import type { AccountConfig, Config } from "../../src/config/config.ts";
import { createConfigSchema } from "../../src/config/schema.ts";

export interface DefaultsOptions {
  /** Absolute. */
  databasePath: string;
  accounts?: AccountConfig[];
}

let defaults: Parameters<typeof assembleConfig>[0] | undefined;

export function defaultConfig({ databasePath, accounts = [] }: DefaultsOptions): Config {
  defaults ??= createConfigSchema({}).parse({});
  return {
    ...assembleConfig(defaults, {
      file: undefined,
      databasePath,
      env: {},
      kinds: {},
    }),
    accounts,
  };
}
