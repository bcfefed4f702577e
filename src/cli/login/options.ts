// The options of `cc-relay login`, checked before anything else happens.

import { type AccountKind, type ExtrasOption, extrasKeys } from "../../account-kinds/account-kind.ts";
import { findIdFault, findModelFault, findNameFault, findWordFault } from "../../config/text-faults.ts";
import {
  findUrlShapeFault,
  isOwnNetworkHost,
  isPlainToElsewhere,
  plainHttpFault,
  readApiUrl,
} from "../../config/url.ts";
import { type Advice, UserError } from "../../domain/errors.ts";
import { type Family, families, familyNames, providerUrls } from "../../domain/family.ts";
import type { LoginExtras } from "../../domain/token-store.ts";
import { type ProxySettings, readProxyUrl } from "../../network/proxy.ts";
import { accountKinds, keyKinds, loginKind } from "../../upstreams/kinds.ts";

/** As commander hands them over. */
export interface LoginFlags {
  id?: string;
  name?: string;
  priority?: string;
  apiKey?: boolean;
  setupToken?: boolean;
  compatible?: boolean;
  url?: string;
  auth?: CompatibleOptions["auth"];
  model?: string;
  smallModel?: string;
  proxy?: string;
  /** False with --no-browser. */
  browser: boolean;
  yes?: boolean;
  /** What a provider adds to a login, by its keys. */
  [extra: string]: string | boolean | undefined;
}

export interface LoginOptions {
  family: Family;
  /** Undefined: one that is free. */
  id: string | undefined;
  name: string | undefined;
  priority: number | undefined;
  proxy: ProxySettings | undefined;
  /** What the provider adds to the login, as far as it is given. */
  extras: LoginExtras | undefined;
  /** No choice: an API key. */
  apiKey: boolean;
  /** No choice: a setup token. */
  setupToken: boolean;
  /** No choice: another host that speaks the provider's API. */
  compatible: CompatibleOptions | undefined;
  browser: boolean;
  /** Every question is answered with yes beforehand. */
  yes: boolean;
}

/** What is undefined is asked for. */
export interface CompatibleOptions {
  /** Base address of the host's API. */
  url: string | undefined;
  /** How the key is sent; undefined: as the host wants it. */
  auth: "x-api-key" | "bearer" | "none" | undefined;
  /** Serves every model that is asked for. */
  model: string | undefined;
  /** Serves the provider's small models in its place. */
  smallModel: string | undefined;
}

/** Throws a UserError for the first value that cannot be used. None is quoted: it can be a key in the wrong place. */
export function readOptions(family: Family, flags: LoginFlags): LoginOptions {
  const { id, name, priority, proxy, apiKey = false, setupToken = false, browser, yes = false } = flags;
  refuse("--id", id, findIdFault, "give a short word, such as: --id work");
  refuse("--name", name, findNameFault, 'give a name, such as: --name "Work"');
  const extras = readExtras(family, flags);
  const withSetupToken = families.filter((each) => loginKind(each)?.setupToken);
  if (setupToken && !withSetupToken.includes(family)) {
    throw wrong(`--setup-token is for ${namesOf(withSetupToken)}`, {
      instruction: "leave it out, or run:",
      command: `cc-relay login ${withSetupToken[0]} --setup-token`,
    });
  }
  if (setupToken && apiKey)
    throw wrong("--setup-token and --api-key exclude each other", "leave out one of the two");
  const compatible = readCompatible(family, flags);
  if (setupToken && compatible !== undefined)
    throw wrong("--setup-token and --compatible exclude each other", "leave out one of the two");
  return {
    family,
    id,
    name,
    priority: priority === undefined ? undefined : readPriority(priority),
    proxy: proxy === undefined ? undefined : readProxy(proxy),
    extras,
    apiKey,
    setupToken,
    compatible,
    browser,
    yes,
  };
}

function readCompatible(family: Family, flags: LoginFlags): CompatibleOptions | undefined {
  const { compatible = false, url, auth, model, smallModel } = flags;
  if (!compatible) {
    const named = { "--url": url, "--auth": auth, "--model": model, "--small-model": smallModel };
    const [flag] = Object.entries(named).find(([, value]) => value !== undefined) ?? [];
    if (flag === undefined) return undefined;
    throw wrong(`${flag} is for --compatible`, "leave it out, or add --compatible");
  }
  const withHosts = families.filter((each) => keyKinds[each].compatible);
  if (!withHosts.includes(family))
    throw wrong(`--compatible is for ${namesOf(withHosts)}`, {
      instruction: "run:",
      command: `cc-relay login ${withHosts[0]} --compatible`,
    });
  const example = "give a model's name as the host has it, such as: --model glm-5.2";
  refuse("--url", url, (text) => findHostUrlFault(text, family), "such as: --url https://HOST/PATH");
  refuse("--model", model, findModelFault, example);
  refuse("--small-model", smallModel, findModelFault, example);
  if (smallModel !== undefined && keyKinds[family].smallModels === undefined) {
    const withSmall = families.filter((each) => keyKinds[each].smallModels);
    throw wrong(`--small-model is for ${namesOf(withSmall)}`, "leave it out: --model serves everything");
  }
  return { url, auth, model, smallModel };
}

/** What is wrong with the base address of a compatible host, as the rest of a sentence; never quotes it. */
export function findHostUrlFault(url: string, family: Family): string | undefined {
  const fault = findUrlShapeFault(url);
  if (fault !== undefined) return fault;
  if (isPlainToElsewhere(url) && !isOwnNetworkHost(new URL(url).hostname)) return plainHttpFault;
  return readApiUrl(url, family) === providerUrls[family]
    ? `is ${familyNames[family]}'s own, which needs no --compatible`
    : undefined;
}

/** The help of options that only some kinds have, in those kinds' words. */
export function kindHelp(kinds: readonly Pick<AccountKind, "setupToken" | "smallModels">[]): {
  setupToken: string;
  smallModel: string;
} {
  const tokens = kinds.flatMap(({ setupToken: token }) =>
    token ? [`\`${token.command}\`, good for ${token.validity}`] : [],
  );
  const small = kinds.flatMap(({ smallModels }) => smallModels?.title ?? []);
  return {
    setupToken: `asked for as a key is: a token of ${tokens.join(", or of ")}`,
    smallModel: `its model that serves ${small.join(", or ")} instead`,
  };
}

export interface ExtrasFlag {
  /** Without the dashes, and in config.toml. */
  key: string;
  kind: AccountKind;
  option: ExtrasOption;
}

/** The options for what providers add to a login. */
export function extrasFlags(): ExtrasFlag[] {
  return Object.values(accountKinds).flatMap((kind) =>
    Object.entries(extrasKeys(kind)).flatMap(([key, { option }]) => (option ? { key, kind, option } : [])),
  );
}

function readExtras(family: Family, flags: LoginFlags): LoginExtras | undefined {
  const given: Record<string, string> = {};
  for (const { key, kind, option } of extrasFlags()) {
    const value = flags[key];
    if (typeof value !== "string") continue;
    refuse(`--${key}`, value, (word) => findExtraFault(option, word), option.advice);
    if (kind !== loginKind(family) || flags.apiKey)
      throw wrong(`--${key} is for ${option.purpose}`, "leave it out");
    given[key] = value;
  }
  return Object.keys(given).length > 0 ? given : undefined;
}

export function findExtraFault(option: ExtrasOption, word: string): string | undefined {
  return option.findFault(word) ?? findWordFault(word);
}

function refuse(
  flag: string,
  value: string | undefined,
  findFault: (value: string) => string | undefined,
  fix: string,
): void {
  const fault = value === undefined ? undefined : findFault(value);
  if (fault !== undefined) throw wrong(`${flag} ${fault}`, fix);
}

function readPriority(text: string): number {
  if (!/^[+-]?\d{1,9}$/.test(text)) {
    throw wrong(
      "--priority is no whole number",
      "give one such as: --priority 200 (100 is usual, higher is tried first)",
    );
  }
  return Number(text);
}

function readProxy(text: string): ProxySettings {
  // A lone word would be taken for a host with an HTTP proxy on port 80: `none`, `off`, a password.
  const proxy = /:\d|:\/\//.test(text) ? readProxyUrl(text) : undefined;
  if (proxy === undefined || proxy.port === 0) {
    throw wrong(
      "--proxy is no address of a proxy",
      "write it like this: socks5://USER:PASSWORD@HOST:1080, or http://HOST:3128",
    );
  }
  return proxy;
}

function namesOf(some: readonly Family[]): string {
  return some.map((family) => familyNames[family]).join(" and ");
}

function wrong(message: string, fix: Advice): UserError {
  return new UserError(message, { fix, exitCode: 2 });
}
