// A pipeline with time limits of milliseconds, so that no test waits.

import type { RelayDeps } from "../../src/relay/exchange.ts";

export function limited(limits: Partial<ReturnType<RelayDeps["config"]>["upstream"]>) {
  return (deps: RelayDeps): Partial<RelayDeps> => {
    const config = deps.config();
    return { config: () => ({ ...config, upstream: { ...config.upstream, ...limits } }) };
  };
}
