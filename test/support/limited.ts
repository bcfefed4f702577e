// A pipeline with time limits, and with timers that run when a test says so: no test waits.

import type { RelayDeps } from "../../src/relay/exchange.ts";
import type { ManualTime } from "./manual-time.ts";
import { soon, turns } from "./until.ts";
import type { ScriptedUpstream } from "./upstream.ts";

export function limited(
  limits: Partial<ReturnType<RelayDeps["config"]>["upstream"]>,
  { timers }: Pick<ManualTime, "timers">,
) {
  return (deps: RelayDeps): Partial<RelayDeps> => {
    const config = deps.config();
    return { config: () => ({ ...config, upstream: { ...config.upstream, ...limits } }), timers };
  };
}

/** Lets so many ms go by once the providers have so many requests. */
export async function passAfter(
  { requests }: ScriptedUpstream,
  count: number,
  { advance, ms }: Pick<ManualTime, "advance"> & { ms: number },
): Promise<void> {
  await soon(() => requests.length === count);
  await turns();
  advance(ms);
}
