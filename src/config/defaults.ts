// An account of which only some keys are given, with the defaults of the others.

import { providerUrls } from "../domain/family.ts";
import { usualCredential } from "./assemble-account.ts";
import type { AccountConfig } from "./config.ts";

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
