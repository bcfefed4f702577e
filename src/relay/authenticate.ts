// Authenticates a client by the relay's key, in any header or parameter where a client's API puts it, and remembers every key that
// was one of the relay's own in this process, so that none of them reaches a provider.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { ClientKey, Config } from "../config/config.ts";
import type { HeaderMap } from "../domain/call.ts";
import { RelayError } from "../domain/errors.ts";

/** The name under which usage is recorded while no keys are set. */
const anonymousClient = "anonymous";

/**
 * Returns the name of the client's key: the first one in the order of places that is valid. Throws RelayError("invalid_key")
 * where keys are set and none of the presented ones is.
 */
export function authenticate(
  headers: HeaderMap,
  query: string,
  { apiKeys: keys, demoClients = [] }: { apiKeys: readonly ClientKey[] } & Pick<Config, "demoClients">,
): string {
  if (keys.length === 0) {
    return demoClients.find((name) => name === headers["x-cc-relay-key"]) ?? anonymousClient;
  }
  const name = findClient(headers, query, keys);
  if (name !== undefined) return name;
  const problem =
    presentedKeys(headers, query).length === 0
      ? "no relay key was sent"
      : "the relay key is not one of api_keys";
  throw new RelayError(
    "invalid_key",
    `Refused by cc-relay: ${problem}; set the key of config.toml's api_keys in your client (see \`cc-relay env\`).`,
    { shouldRetry: false },
  );
}

/** The name of the first key that is valid, in the order of places; undefined: none is. */
export function findClient(
  headers: HeaderMap,
  query: string,
  keys: readonly ClientKey[],
): string | undefined {
  return findKeyName(presentedKeys(headers, query), keys);
}

/** Whether one of the headers carries a valid key: unlike the query, no web page can set them for another origin. */
export function hasKeyHeader(headers: HeaderMap, keys: readonly ClientKey[]): boolean {
  return keys.length > 0 && findKeyName(keysInHeaders(headers), keys) !== undefined;
}

/**
 * Looks keys up by digests that are keyed with bytes nobody knows: time says nothing about which key a presented one came close to, and
 * ten thousand keys cost a request no more than one.
 */
function findKeyName(presented: readonly string[], keys: readonly ClientKey[]): string | undefined {
  let index = indexes.get(keys);
  if (index === undefined) {
    index = createKeyIndex(keys);
    indexes.set(keys, index);
  }
  let found: string | undefined;
  for (const key of presented) found ??= index.nameOf(key);
  return found;
}

/** Of the lists of keys that are in use: a reload brings a new list, and the old index goes with the old one. */
const indexes = new WeakMap<readonly ClientKey[], KeyIndex>();

interface KeyIndex {
  nameOf(key: string): string | undefined;
}

function createKeyIndex(keys: readonly ClientKey[]): KeyIndex {
  const secret = randomBytes(32);
  const digest = (key: string) => createHmac("sha256", secret).update(key).digest();
  const known = new Map<string, { name: string; digest: Buffer }>();
  for (const { key, name } of keys) {
    const own = digest(key);
    const at = own.toString("latin1");
    if (!known.has(at)) known.set(at, { name, digest: own });
  }
  return {
    nameOf(key) {
      const given = digest(key);
      const found = known.get(given.toString("latin1"));
      return found && timingSafeEqual(found.digest, given) ? found.name : undefined;
    },
  };
}

function presentedKeys(headers: HeaderMap, query: string): string[] {
  return [...keysInHeaders(headers), ...keysInQuery(query)];
}

/** `x-cc-relay-key` first: where it is, the others may hold the client's own login. */
function keysInHeaders(headers: HeaderMap): string[] {
  const bearer = /^Bearer\s+(.+)$/i.exec(headers.authorization?.toString() ?? "")?.[1];
  return [headers["x-cc-relay-key"], bearer, headers["x-api-key"], headers["x-goog-api-key"]].flatMap(
    (key) => key ?? [],
  );
}

function keysInQuery(query: string): string[] {
  return query.includes("key=") ? new URLSearchParams(query).getAll("key") : [];
}

export interface RelayKeys {
  /** To be called with each configuration that takes effect. A key that was removed may still be in a client's settings. */
  remember(keys: readonly ClientKey[]): void;
  /** Whether a header's or parameter's whole value is such a key, with or without a scheme (`Bearer`) before it. */
  isIn(value: string): boolean;
}

export function createRelayKeys(keys: readonly ClientKey[]): RelayKeys {
  const known = new Set<string>();
  const remember = (more: readonly ClientKey[]) => {
    for (const { key } of more) known.add(key);
  };
  remember(keys);
  return {
    remember,
    isIn(value) {
      if (known.size === 0) return false;
      const whole = value.trim();
      return known.has(whole) || known.has(whole.replace(/^\S+\s+/, ""));
    },
  };
}
