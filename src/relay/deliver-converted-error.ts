// Delivers a provider's error in the form of the API that the client speaks.

import type { Conversion } from "../dialects/dialect.ts";
import type { Delivery } from "./delivery.ts";
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
  served: { answer, account },
  body,
  recorder,
}: ConvertedErrorDelivery): Promise<void> {
  const rendered = conversion.error(answer.head, body);
  const { id } = account.config;
  const entry: RecordEntry = { account: id, outcome: "failed", status: rendered.status, observer: undefined };
  await recorder.record(entry);
  sendRendered(exchange.sink, { ...rendered, headers: [...rendered.headers, "x-cc-relay-account", id] });
  recorder.close(entry);
}
