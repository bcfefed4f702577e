// The defaults: the configuration without a file, and an account of which only some keys are given.

import { providerUrls } from "../domain/family.ts";
import { assembleConfig } from "./assemble.ts";
import { usualCredential } from "./assemble-account.ts";
import type { AccountConfig, Config } from "./config.ts";
import { createConfigSchema } from "./schema.ts";

export interface DefaultsOptions {
  /** Absolute. */
  databasePath: string;
  accounts?: AccountConfig[];
}

/** Every default, nothing of the environment, and the given accounts. */
export function defaultConfig({ databasePath, accounts = [] }: DefaultsOptions): Config {
  return {
    ...assembleConfig(createConfigSchema({}).parse({}), {
      file: undefined,
      databasePath,
      env: {},
      kinds: {},
    }),
    accounts,
  };
}

/** An account with every default. Without `secret` it has an empty one, whatever its credential. */
export function defaultAccount(
  given: Pick<AccountConfig, "id" | "kind"> & Partial<AccountConfig>,
): AccountConfig {
  const { kind } = given;
  const family = given.family ?? kind.family ?? "claude";
  return {
    name: given.id,
    type: kind.type,
    family,
    priority: 100,
    enabled: true,
    apiUrl: kind.defaultUrl ?? providerUrls[family],
    credential: usualCredential(kind),
    secret: "",
    secretExpiresAt: undefined,
    proxy: undefined,
    models: undefined,
    extras: undefined,
    auth: undefined,
    modelMap: undefined,
    contextWindow: undefined,
    refuses: [],
    healSignatures: false,
    onlyWhenOut: false,
    ...given,
  };
}
