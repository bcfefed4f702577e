// A dispatcher that cannot open a connection, for a reason of this machine's.

import type { Dispatcher } from "undici";

/** @param code EMFILE, ENOMEM … */
export function shortOf(code: string): Dispatcher {
  return {
    dispatch(_: unknown, handler: Dispatcher.DispatchHandler) {
      const error = Object.assign(new Error(`connect ${code} 127.0.0.1:443`), { code });
      queueMicrotask(() => handler.onResponseError?.(undefined as never, error));
      return true;
    },
  } as unknown as Dispatcher;
}
