// Delivers a provider's error in the form of the API that the client speaks.

import type { Conversion } from "../dialects/dialect.ts";
import { type Delivery, namingHeaders } from "./delivery.ts";
import type { RecordEntry } from "./record.ts";
import { sendRendered } from "./send-rendered.ts";

export interface ConvertedErrorDelivery extends Delivery {
  conversion: Conversion;
  /** The provider's, decoded. */
  body: Buffer;
}

export async function deliverConvertedError({
  exchange,
  conversion,
  call,
  served,
  body,
  recorder,
}: ConvertedErrorDelivery): Promise<void> {
  const rendered = conversion.error(served.answer.head, body);
  const { id } = served.account.config;
  const entry: RecordEntry = { account: id, outcome: "failed", status: rendered.status, observer: undefined };
  await recorder.record(entry);
  sendRendered(exchange.sink, {
    ...rendered,
    headers: [...rendered.headers, ...namingHeaders(call, served)],
  });
  recorder.close(entry);
}
