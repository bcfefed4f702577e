// One simulated account: its limit, and what it remembers of earlier requests.

export interface SimulatedAccount {
  /** Counts a request that costs tokens. Returns when the limit ends, in epoch ms, if it is reached; else undefined. */
  spend(now: number): number | undefined;
  /** Share of the five hour and the weekly window that is used up. */
  windows(now: number): { fiveHour: number; week: number };
  /** Whether the text was seen before, and remembers it: how a prompt cache behaves. */
  recall(text: string): boolean;
  /** Stored answers by id, the oldest dropped at some point. */
  readonly stored: Map<string, unknown>;
  /** Adds to `stored`. */
  store(id: string, answer: unknown): void;
}

export interface AccountOptions {
  /** Reaches its limit at the first request and then at every so many; undefined: never. */
  limitEvery: number | undefined;
  /** How long the limit lasts. */
  limitMs: number;
}

const remembered = 200;

export function createSimulatedAccount({ limitEvery, limitMs }: AccountOptions): SimulatedAccount {
  let spent = 0;
  let limitedUntil = 0;
  const seen = new Set<string>();
  const stored = new Map<string, unknown>();
  return {
    spend(now) {
      if (now < limitedUntil) return limitedUntil;
      const reached = limitEvery !== undefined && spent % limitEvery === 0;
      spent += 1;
      if (!reached) return undefined;
      // Providers give the time in whole seconds.
      limitedUntil = Math.ceil((now + limitMs) / 1000) * 1000;
      return limitedUntil;
    },
    windows(now) {
      const since = limitEvery === undefined ? spent : spent % limitEvery;
      const step = limitEvery === undefined ? 0.01 : 0.9 / limitEvery;
      const fiveHour = now < limitedUntil ? 1 : Math.min(0.9, since * step);
      return { fiveHour: round(fiveHour), week: round(Math.min(0.9, 0.1 + spent * 0.002)) };
    },
    recall(text) {
      const known = seen.has(text);
      if (!known) {
        if (seen.size >= remembered) seen.clear();
        seen.add(text);
      }
      return known;
    },
    stored,
    store(id, answer) {
      const oldest = stored.keys().next();
      if (stored.size >= remembered && !oldest.done) stored.delete(oldest.value);
      stored.set(id, answer);
    },
  };
}

function round(share: number): number {
  return Math.round(share * 1000) / 1000;
}
