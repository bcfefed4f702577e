// Who is asking: the relay's own key, wherever a client's API puts it.

import { createHash, timingSafeEqual } from "node:crypto";
import type { HeaderMap } from "../call.ts";
import type { ClientKey } from "../config/config.ts";
import { RelayError } from "../errors.ts";

/** The name under which usage is recorded while no keys are set. */
const anonymousClient = "anonymous";

/** Returns the name of the client's key. Throws RelayError("invalid_key") where keys are set and none of the presented ones fits. */
export function authenticate(headers: HeaderMap, query: string, keys: readonly ClientKey[]): string {
  if (keys.length === 0) return anonymousClient;
  const presented = presentedKeys(headers, query).map(digest);
  let name: string | undefined;
  // Every key is compared with every digest, so that time tells nothing about which one came close.
  for (const { key, name: keyName } of keys) {
    const expected = digest(key);
    for (const given of presented) if (timingSafeEqual(expected, given)) name ??= keyName;
  }
  if (name !== undefined) return name;
  const problem = presented.length === 0 ? "no relay key was sent" : "the relay key is not one of api_keys";
  throw new RelayError(
    "invalid_key",
    `Refused by cc-relay: ${problem}; set the key of config.toml's api_keys in your client (see \`cc-relay env\`).`,
    { shouldRetry: false },
  );
}

function presentedKeys(headers: HeaderMap, query: string): string[] {
  const bearer = /^Bearer\s+(.+)$/i.exec(headers.authorization?.toString() ?? "")?.[1];
  const fromQuery = query.includes("key=") ? new URLSearchParams(query).getAll("key") : [];
  return [bearer, headers["x-api-key"], headers["x-goog-api-key"], ...fromQuery].flatMap((key) => key ?? []);
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
