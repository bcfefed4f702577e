// The page's list of requests, and one request with its attempts, out of the store.

import { toRequestDetail, toRequestDocument } from "../documents/request.ts";
import type { RequestDetailDocument, RequestListDocument } from "../documents/types.ts";
import { UserError } from "../domain/errors.ts";
import type { LiveView } from "../live/live.ts";
import type { Store } from "../store/store.ts";
import { readPeriod } from "../terminal/period.ts";

type LogReader = { requests: Pick<Store["requests"], "last" | "find"> };

const maxListed = 500;

/** Newest first. Throws UserError when a parameter is wrong. */
export async function readRequestList(
  { requests }: LogReader,
  parameters: URLSearchParams,
  now: number,
): Promise<RequestListDocument> {
  const limit = limitOf(parameters.get("limit"));
  const since = parameters.get("since");
  const records = await requests.last({
    since: since ? readPeriod({ since, until: undefined }, now).since : undefined,
    account: parameters.get("account") || undefined,
    client: parameters.get("client") || undefined,
    model: parameters.get("model") || undefined,
    failed: parameters.has("failed"),
    limit: limit + 1,
  });
  return { requests: records.slice(0, limit).map(toRequestDocument), more: records.length > limit };
}

/** Out of the store, or as it runs. Undefined for an unknown id. */
export async function readRequestDetail(
  { store, live }: { store: LogReader; live: Pick<LiveView, "status"> },
  id: string,
): Promise<RequestDetailDocument | undefined> {
  const { running } = await live.status();
  const unfinished = running.find((request) => request.id === id);
  if (unfinished !== undefined) return unfinished;
  const found = await store.requests.find(id);
  return found && toRequestDetail(found);
}

function limitOf(text: string | null): number {
  if (text === null) return 100;
  const limit = Number(text);
  if (/^\d{1,3}$/.test(text) && limit >= 1 && limit <= maxListed) return limit;
  throw new UserError(`limit is a number from 1 to ${maxListed}`);
}
