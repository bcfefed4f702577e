// Delivers the answer of a provider that speaks another API than the client: good ones are rewritten as they come, errors are
// read first, since they are small and have another form in the client's API.

import type { Conversion } from "../dialects/dialect.ts";
import type { Call } from "../domain/call.ts";
import { orDiscard } from "./answer.ts";
import { maxErrorBytes } from "./attempt.ts";
import { sendRendered } from "./client.ts";
import { type Delivery, deliverAnswer, namingHeaders } from "./delivery.ts";
import type { Served } from "./failover-state.ts";
import { readAnswer } from "./read-answer.ts";
import type { RecordEntry } from "./record.ts";

export interface ConvertedDelivery extends Delivery {
  conversion: Conversion;
  /** Sends another wording of the call to any account. */
  send(call: Call): Promise<Served>;
}

/** Good answers are returned, not awaited: the conversion holds the request, and an answer may go on for minutes. */
export async function deliverConverted(delivery: ConvertedDelivery): Promise<void> {
  const { conversion, served, send } = delivery;
  if (isGood(delivery)) return deliverGood(delivery);
  const body = await readBody(delivery);
  const again = conversion.again?.(served.answer.head, body);
  if (!again) return await deliverConvertedError({ ...delivery, body });
  const second = { ...delivery, served: await send(again) };
  if (isGood(second)) return deliverGood(second);
  await deliverConvertedError({ ...second, body: await readBody(second) });
}

function isGood({ call, served: { answer } }: Delivery): boolean {
  return answer.head.status < 300 && (call.stream || answer.observer?.opening.kind !== "error");
}

/** A stream that is an error event only is no good answer, and is rewritten here: the client knows no other form. */
function deliverGood({
  conversion,
  exchange,
  call,
  served,
  recorder,
  memory,
  deps,
}: ConvertedDelivery): Promise<void> {
  // Without `send`, which holds the converted request.
  const delivery = { exchange, call, served, recorder, memory, deps };
  const isRewritten = served.answer.rewrittenHeaders !== undefined;
  const transform = isRewritten
    ? undefined
    : orDiscard(served.answer, () => conversion.answer(served.answer.head));
  return deliverAnswer(delivery, { transform, conversion: { warnings: conversion.warnings } });
}

/** Where the provider began a stream with an error, that event: a client that asked for no stream gets an error answer. */
async function readBody({ served, exchange, memory }: ConvertedDelivery): Promise<Buffer> {
  const opening = served.answer.observer?.opening;
  if (served.answer.head.status < 300 && opening?.kind === "error") {
    served.answer.discard();
    return Buffer.from(JSON.stringify(opening.event));
  }
  const limits = { maxBytes: maxErrorBytes, signal: exchange.signal, memory };
  const { body } = await readAnswer(served.answer, limits);
  return body;
}

interface ConvertedErrorDelivery extends Delivery {
  conversion: Conversion;
  /** The provider's, decoded. */
  body: Buffer;
}

/** A provider's error in the form of the API that the client speaks. */
async function deliverConvertedError({
  exchange,
  conversion,
  call,
  served,
  body,
  recorder,
}: ConvertedErrorDelivery): Promise<void> {
  const rendered = conversion.error(served.answer.head, body, served.failure?.kind === "unexplained-refusal");
  const { id } = served.account.config;
  const entry: RecordEntry = { account: id, outcome: "failed", status: rendered.status, observer: undefined };
  await recorder.record(entry);
  sendRendered(exchange.sink, {
    ...rendered,
    headers: [...rendered.headers, ...namingHeaders(call, served)],
  });
  recorder.close(entry);
}
