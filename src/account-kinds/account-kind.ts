// The descriptor of one kind of account: everything that has to be known about it. All code that asks "which type?" asks it.

import type { Dispatcher } from "undici";
import type { Family } from "../domain/family.ts";
import type { LoginExtras } from "../domain/token-store.ts";
import type { OAuthOverrides, OAuthProvider } from "./oauth-provider.ts";
import type { Upstream } from "./upstream.ts";

/** The keys of config.toml that can carry an account's credential. `api_key_env` counts as `api_key`. */
export type CredentialKey = "api_key" | "refresh_token" | "setup_token";

export interface AccountKind {
  /** As written in config.toml. */
  readonly type: string;
  /** The API it speaks; undefined: the account's own `family` key says it. */
  readonly family: Family | undefined;
  /** An account has exactly one of them, the usual one first; empty: the credential comes with each request. */
  readonly credentials: readonly CredentialKey[];
  /** Where requests go when the account names no `api_url`; no trailing slash. Undefined: to the family's provider. */
  readonly defaultUrl: string | undefined;
  /** Host names of `api_url` that people have in old files, and that never answered: `defaultUrl` takes their place. */
  readonly retiredHosts: readonly string[];
  /** Other hosts speak this API too: `auth`, `model_map` and what else config.toml has for them may be written. */
  readonly compatible: boolean;
  /** How its provider is spoken to. */
  readonly upstream: Upstream;
  /** Where its refresh tokens come from; undefined: it has none, and nothing of it is ever refreshed. */
  readonly login: LoginSource | undefined;
  /** Query of the request for the whole list of models, or "". */
  readonly modelListQuery: string;
  /** A request that costs nothing and shows whether the credential is taken; undefined: there is no such request. */
  readonly probe: ((extras: LoginExtras) => Probe) | undefined;
  readonly labels: KindLabels;
  /** Of a kind whose `credentials` have `setup_token`. */
  readonly setupToken?: SetupTokenLabels;
  /** Of a `compatible` kind: the provider's small models, for which such a host may have a model of its own; absent: one serves them all. */
  readonly smallModels?: SmallModels;
}

/** Whether the credential of the account comes with each request. */
export function isOfClients({ kind }: { kind: Pick<AccountKind, "credentials"> }): boolean {
  return kind.credentials.length === 0;
}

/** By type; a table that tests can add to. */
export type AccountKinds = Readonly<Record<string, AccountKind>>;

export interface LoginSource {
  /** `[oauth.SECTION]` in config.toml replaces addresses and client. */
  readonly section: string;
  /** Environment variables that name the client where config.toml does not; undefined: there are none. */
  readonly clientVariables?: { readonly id: string; readonly secret: string };
  provider(overrides: OAuthOverrides): OAuthProvider;
  /** What a login of this provider needs beside its token, and how it is found; undefined: nothing. */
  readonly extras: ExtrasSource | undefined;
}

export interface ExtrasSource {
  /** In a sentence: "the project of a login". */
  readonly title: string;
  /** What a login without them cannot use, in a sentence. */
  readonly service: string;
  /** Keys of an account in config.toml, which are their names as well. What a person gives is not searched for. */
  readonly keys: Readonly<Record<string, ExtrasKey>>;
  find(search: ExtrasSearch): Promise<ExtrasResult>;
}

/** How messages speak of such a key. */
export interface ExtrasKey {
  /** Follows "must be". */
  readonly expected: string;
  /** Follows "write". */
  readonly write: string;
  /** How a person names it at `cc-relay login`; undefined: in config.toml alone. */
  readonly option?: ExtrasOption;
}

/** `--KEY` of `cc-relay login`, and the question where neither it nor a variable answers. */
export interface ExtrasOption {
  /** In the help of `login`. */
  readonly description: string;
  /** Follows "is for". */
  readonly purpose: string;
  /** What to give instead of a wrong value. */
  readonly advice: string;
  /** What the provider's own programs read it from; the first that is set counts. */
  readonly variables: readonly string[];
  /** Why it is asked for. */
  readonly why: string;
  readonly question: string;
  readonly example: string;
  /** What is wrong with a word, as the rest of a sentence. */
  findFault(word: string): string | undefined;
}

export interface ExtrasSearch {
  /** The account's, no trailing slash. */
  apiUrl: string;
  accessToken: string;
  dispatcher: Dispatcher;
  /** What a person or the file says; undefined: the provider has to know. */
  given?: LoginExtras | undefined;
  /** Milliseconds. */
  monotonic(): number;
}

export type ExtrasResult =
  | { ok: true; extras: LoginExtras }
  /** `unauthorized`: the access token was refused. `refused`: the provider does not serve this login. */
  | {
      ok: false;
      kind: "unauthorized" | "refused" | "throttled" | "temporary" | "proxy" | "shortage";
      detail: string;
      /** The key that a person has to give: with it the provider may serve the login. */
      wants?: string;
    };

export interface Probe {
  operation: "list-models" | "code-assist";
  method: "GET" | "POST";
  /** As in a Call. */
  path: string;
  query: string;
  /** Raw pairs. */
  headers: readonly string[];
  body: string | undefined;
}

/** Texts for people. */
export interface SetupTokenLabels {
  /** The provider's own command, which prints one. */
  command: string;
  /** How long one is good for. */
  validity: string;
}

export interface SmallModels {
  /** As in `model_map`. */
  pattern: string;
  /** In a sentence, as what a model serves. */
  title: string;
}

/** Texts for people. */
export interface KindLabels {
  /** What its credential is called in a sentence. */
  credential: "API key" | "login";
  /** In the question how to log in. */
  choice: string;
  hint: string;
  /** Where its credentials are made. */
  source: string;
}

/** The names of the sections `[oauth.NAME]` of config.toml, each once. */
export function loginSections(kinds: AccountKinds): string[] {
  return [...new Set(Object.values(kinds).flatMap(({ login }) => login?.section ?? []))];
}

/** The keys of config.toml that an account of this kind has for what its provider adds to a login. */
export function extrasKeys({ login }: AccountKind): Readonly<Record<string, ExtrasKey>> {
  return login?.extras?.keys ?? {};
}

/** Undefined for a type that there is not. */
export function findKind(kinds: AccountKinds, type: unknown): AccountKind | undefined {
  return typeof type === "string" && Object.hasOwn(kinds, type) ? kinds[type] : undefined;
}
