// Delivers the answer of a provider that speaks another API than the client: good ones are rewritten as they come, errors are
// read first, since they are small and the client's API words them in another way.

import type { Call } from "../call.ts";
import type { Conversion } from "../dialects/dialect.ts";
import { maxErrorBytes } from "./attempt.ts";
import { deliverConvertedError } from "./deliver-converted-error.ts";
import { type Delivery, deliverAnswer } from "./delivery.ts";
import type { Served } from "./failover-state.ts";
import { readAnswer } from "./read-answer.ts";

export interface ConvertedDelivery extends Delivery {
  conversion: Conversion;
  /** Sends another wording of the call to any account. */
  send(call: Call): Promise<Served>;
}

export async function deliverConverted({ conversion, send, ...delivery }: ConvertedDelivery): Promise<void> {
  const { signal } = delivery.exchange;
  const deliverGood = (served: Served) => {
    // A stream is rewritten even if it is an error event only: the client knows no other form.
    const transform = conversion.answer(served.answer.head);
    return deliverAnswer({ ...delivery, served }, { transform, conversion });
  };
  const readBody = async ({ answer }: Served) =>
    (await readAnswer(answer, { maxBytes: maxErrorBytes, signal })).body;
  let { served } = delivery;
  if (isGood(served)) return await deliverGood(served);
  let body = await readBody(served);
  const again = conversion.again?.(served.answer.head, body);
  if (again) {
    served = await send(again);
    if (isGood(served)) return await deliverGood(served);
    body = await readBody(served);
  }
  await deliverConvertedError({ ...delivery, served, conversion, body });
}

function isGood({ answer }: Served): boolean {
  return answer.head.status < 300;
}
