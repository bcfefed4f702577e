// One request from its key to its usage row. Accounts may change until the first byte, and never after it.

import type { Call } from "../call.ts";
import { authenticate } from "./authenticate.ts";
import { convertCall } from "./convert-call.ts";
import { deliverConverted } from "./deliver-converted.ts";
import { deliverNative } from "./deliver-native.ts";
import { deliverRelayError } from "./deliver-relay-error.ts";
import type { Exchange, RelayDeps } from "./exchange.ts";
import { sendWithFailover } from "./failover.ts";
import { deliverModels } from "./models.ts";
import { readRequest } from "./read-request.ts";
import { createRecorder, type Recorder } from "./record.ts";

/** Answers the exchange whatever happens: what goes wrong is told to the client, or breaks its answer off. */
export async function relay(exchange: Exchange, deps: RelayDeps): Promise<void> {
  const { source, query, dialect, signal, transport } = exchange;
  let call: Call | undefined;
  let recorder: Recorder | undefined;
  try {
    const { apiKeys, server } = deps.config();
    const client = authenticate(source.headers, query, apiKeys);
    call = await readRequest(exchange, { ...deps, client, maxBodyBytes: server.maxBodyBytes });
    recorder = createRecorder(exchange, { call, client }, deps);
    if (await deliverModels(exchange, { call, recorder }, deps)) return;
    const conversion = await convertCall(dialect, call, server.maxConvertedBytes);
    const pinned = source.headers["x-cc-relay-account"]?.toString();
    const request = { pinned, signal, attempts: recorder.attempts, transport };
    const send = (sent: Call) => sendWithFailover(sent, request, deps);
    const served = await send(conversion?.call ?? call);
    const delivery = { exchange, call, served, recorder, deps };
    if (conversion) await deliverConverted({ ...delivery, conversion, send });
    else await deliverNative(delivery);
  } catch (error) {
    await deliverRelayError(exchange, { error, call, recorder }, deps);
  }
}
