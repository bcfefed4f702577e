// Remembers every key that was one of the relay's own in this process, so that none of them reaches a provider.

import type { ClientKey } from "../config/config.ts";

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
