// Delivers the answer of a provider whose API the client speaks itself: byte for byte, or out of the provider's envelope.

import { type Delivery, deliverAnswer, orDiscard } from "./delivery.ts";

export async function deliverNative(delivery: Delivery): Promise<void> {
  const { served, call } = delivery;
  const isGood = served.failure === undefined;
  const transform = orDiscard(served, () =>
    isGood ? served.upstream.translate?.(call, served.answer.head) : undefined,
  );
  await deliverAnswer(delivery, transform && { transform, conversion: undefined });
}
