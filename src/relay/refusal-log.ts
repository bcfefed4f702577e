// Logs requests that were refused before they were read: each kind once a minute with its count, since a
// single browser tab can cause thousands.

import type { Log } from "../telemetry/log.ts";
import type { RequestRefused } from "./events.ts";

export interface RefusalLog {
  record(refusal: RequestRefused): void;
  /** Logs what was counted and not logged yet. */
  flush(): void;
}

const intervalMs = 60_000;
/** A page can make up origins without end; above this many kinds their details are no longer distinguished. */
const maxKinds = 50;

export function createRefusalLog(log: Pick<Log, "info">): RefusalLog {
  const kinds = new Map<string, Repeated>();
  let timer: NodeJS.Timeout | undefined;

  function record(refusal: RequestRefused): void {
    const kind = kindOf(refusal, kinds);
    const repeated = kinds.get(kind);
    if (repeated) {
      repeated.count++;
      repeated.last = refusal;
      return;
    }
    kinds.set(kind, { count: 0, last: refusal });
    say(refusal, 1);
    timer ??= setTimeout(flush, intervalMs).unref();
  }

  function flush(): void {
    clearTimeout(timer);
    for (const [kind, { count, last }] of kinds) {
      if (count === 0) {
        kinds.delete(kind);
        continue;
      }
      say(last, count);
      kinds.set(kind, { count: 0, last });
    }
    timer = kinds.size > 0 ? setTimeout(flush, intervalMs).unref() : undefined;
  }

  function say({ detail, ...refused }: RequestRefused, count: number): void {
    const fields = { ...refused, ...detail };
    log.info(count === 1 ? fields : { ...fields, count }, "refused");
  }

  return { record, flush };
}

/** What came after the last line in the log. */
interface Repeated {
  count: number;
  last: RequestRefused;
}

function kindOf({ error, detail }: RequestRefused, kinds: ReadonlyMap<string, Repeated>): string {
  const kind = JSON.stringify([error, detail]);
  return detail === undefined || kinds.has(kind) || kinds.size < maxKinds ? kind : JSON.stringify([error]);
}
