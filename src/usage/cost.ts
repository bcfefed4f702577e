// What a request is recorded to have cost, in USD: by the model that it was sent with, and never 0 where nobody knows.

import { totalOf } from "./observer.ts";
import type { PricedRequest, PriceList } from "./price.ts";

export interface CostedRequest extends PricedRequest {
  /** That took the place of `model`; absent: none did. */
  sentModel?: string | undefined;
  /** Its provider has not said what it used. */
  isUsageUnknown?: boolean | undefined;
}

/** Undefined when its use or the price is not known. */
export function costOf(request: CostedRequest, { priceOf }: Pick<PriceList, "priceOf">): number | undefined {
  if (request.isUsageUnknown) return undefined;
  // A request that used nothing costs nothing, whatever its model.
  if (!(totalOf(request.tokens) + request.webSearches > 0)) return 0;
  return priceOf({ ...request, model: request.sentModel ?? request.model });
}
