// The configuration without a file, and an account of which little is said.

import { accountTypes, providerUrls } from "../family.ts";
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

/** An account with every default. Without `secret` it has an empty one, whatever its credential. */
export function defaultAccount(
  given: Pick<AccountConfig, "id" | "type"> & Partial<AccountConfig>,
): AccountConfig {
  const { credential, defaultUrl, family: ownFamily } = accountTypes[given.type];
  const family = given.family ?? ownFamily ?? "claude";
  return {
    name: given.id,
    family,
    priority: 100,
    enabled: true,
    apiUrl: defaultUrl ?? providerUrls[family],
    credential:
      credential === "refresh_token" ? "refresh-token" : credential === "api_key" ? "api-key" : "client",
    secret: "",
    secretExpiresAt: undefined,
    proxy: undefined,
    models: undefined,
    project: undefined,
    auth: undefined,
    modelMap: undefined,
    contextWindow: undefined,
    refuses: [],
    healSignatures: false,
    onlyWhenOut: false,
    ...given,
  };
}
