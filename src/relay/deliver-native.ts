// Delivers the answer of a provider whose API the client speaks itself: byte for byte, or out of the provider's envelope.

import { type Delivery, deliverAnswer } from "./delivery.ts";

export async function deliverNative(delivery: Delivery): Promise<void> {
  await deliverAnswer(delivery, undefined);
}
