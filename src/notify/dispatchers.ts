// How receivers are reached: through their own proxy, else the environment's, loopback directly. Connections of their own.

import type { Dispatcher } from "undici";
import type { Config, NotifyConfig } from "../config/config.ts";
import { createDispatchers } from "../network/dispatchers.ts";

export interface NotifyDispatchers {
  for(receiver: NotifyConfig): Dispatcher;
  close(): Promise<void>;
}

const connectTimeoutMs = 10_000;

export function createNotifyDispatchers({
  environmentProxy,
}: Pick<Config, "environmentProxy">): NotifyDispatchers {
  const dispatchers = createDispatchers({ connectTimeoutMs, environmentProxy });
  return {
    for: ({ proxy }) => dispatchers.for("notify", proxy),
    close: () => dispatchers.close(),
  };
}
