// One simulated account: its windows, and what it remembers of earlier requests.

export interface SimulatedAccount {
  /** Counts a request that costs tokens. Returns when the account is back, in epoch ms, if its window is full; else undefined. */
  spend(now: number): number | undefined;
  /** What is used up of the window that Claude calls five hours, and of the weekly one. */
  windows(now: number): { fiveHour: SimulatedWindow; week: SimulatedWindow };
  /** Whether the text was seen before, and remembers it: how a prompt cache behaves. */
  recall(text: string): boolean;
  /** Stored answers by id, the oldest dropped at some point. */
  readonly stored: Map<string, unknown>;
  /** Adds to `stored`. */
  store(id: string, answer: unknown): void;
}

export interface SimulatedWindow {
  /** A fraction of 1. */
  used: number;
  /** Epoch ms. */
  resetsAt: number;
}

export interface AccountOptions {
  requestsPerWindow: number;
  /** How long a window lasts that would last hours: it begins with a request, is full at some point, and resets. */
  windowMs: number;
  /** Refuses requests while the window is full, and begins with a full one; else the window stops short of its end. */
  isLimited: boolean;
  /** What is used up of the week at the beginning, a fraction of 1. */
  weekUsed: number;
}

const remembered = 200;
const maxUnlimited = 0.9;
const weekMs = 7 * 86_400_000;

export function createSimulatedAccount(options: AccountOptions): SimulatedAccount {
  const { requestsPerWindow, windowMs, isLimited, weekUsed } = options;
  let spent = 0;
  let window: { requests: number; resetsAt: number } | undefined;
  const seen = new Set<string>();
  const stored = new Map<string, unknown>();

  function windowAt(now: number): { requests: number; resetsAt: number } {
    if (window === undefined || now >= window.resetsAt) {
      const requests = window === undefined && isLimited ? requestsPerWindow : 0;
      // Providers give the time in whole seconds.
      window = { requests, resetsAt: Math.ceil((now + windowMs) / 1000) * 1000 };
    }
    return window;
  }

  return {
    spend(now) {
      const current = windowAt(now);
      if (isLimited && current.requests >= requestsPerWindow) return current.resetsAt;
      current.requests += 1;
      spent += 1;
      return undefined;
    },
    windows(now) {
      const { requests, resetsAt } = windowAt(now);
      const used = requests / requestsPerWindow;
      return {
        fiveHour: { used: round(Math.min(isLimited ? 1 : maxUnlimited, used)), resetsAt },
        week: {
          used: round(Math.min(maxUnlimited, weekUsed + spent * 0.002)),
          resetsAt: Math.ceil(now / weekMs) * weekMs,
        },
      };
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
