// The pipeline of one request, from its key to its usage row. Accounts may change until the first byte, and never after it.

import { bodyBytes, type Call, readableBody, releaseBody, wholeBody } from "../domain/call.ts";
import { RelayError } from "../domain/errors.ts";
import { authenticate } from "./authenticate.ts";
import type { ClientSink } from "./client.ts";
import { convertCall } from "./convert-call.ts";
import { deliverConverted } from "./deliver-converted.ts";
import { deliverRelayError } from "./deliver-relay-error.ts";
import { deliverNative } from "./delivery.ts";
import type { Exchange, RelayDeps } from "./exchange.ts";
import { sendWithFailover } from "./failover.ts";
import type { Rewrite } from "./failover-state.ts";
import type { MemoryShare } from "./memory-share.ts";
import { callsFor, sendInOrder } from "./model-chain.ts";
import { deliverModels } from "./models.ts";
import { readRequest } from "./read-request.ts";
import { createRecorder, type Recorder } from "./record.ts";

/** Answers the exchange whatever happens: a fault becomes an error for the client, or breaks its answer off. */
export async function relay(exchange: Exchange, deps: RelayDeps): Promise<void> {
  let call: Call | undefined;
  let recorder: Recorder | undefined;
  const share = deps.memory.open(exchange.signal);
  const answers = deps.memory.openGrowing(exchange.signal);
  try {
    const { config, scratch, relayKeys, bodyStall, timers } = deps;
    const current = config();
    const client = authenticate(exchange.source.headers, exchange.query, current);
    const limits = { client, share, maxBodyBytes: current.server.maxBodyBytes };
    call = await readRequest(exchange, { ...limits, config, scratch, relayKeys, bodyStall, timers });
    recorder = createRecorder(exchange, { call, client }, deps);
    const isList = call.operation === "list-models";
    if (isList && (await deliverModels(exchange, { call, recorder }, deps))) return;
    await answer(exchange, { call, recorder, share, answers }, deps);
  } catch (error) {
    call?.memory?.free();
    await deliverRelayError(exchange, { error, call, recorder }, deps);
  } finally {
    share.release();
    releaseOnceTaken(answers, exchange.sink);
  }
}

/** What waits for a client that reads slowly is in memory until it has read that. */
function releaseOnceTaken(answers: MemoryShare, sink: ClientSink): void {
  const { waitingBytes = 0 } = sink;
  if (waitingBytes === 0) return answers.release();
  const more = waitingBytes - answers.bytes;
  if (more > 0) answers.count(more);
  else answers.shrink(-more);
  sink.onTaken?.(() => answers.release());
}

interface Answering {
  call: Call;
  recorder: Recorder;
  /** What the request's bodies take of the memory of all. */
  share: MemoryShare;
  /** What its answers take. */
  answers: MemoryShare;
}

/** The delivery is returned, not awaited: this frame would keep the request in memory for as long as its answer goes on. */
async function answer(
  exchange: Exchange,
  { call, recorder, share, answers }: Answering,
  deps: RelayDeps,
): Promise<void> {
  const { source, signal, transport, connection, dialect } = exchange;
  const config = deps.config();
  // What is parsed and written anew is in memory beside the body.
  if (dialect.convert) await share.grow(bodyBytes(call.body));
  share.endAhead();
  const pinned = source.headers["x-cc-relay-account"]?.toString();
  const opensTurn = () => dialect.opensTurn?.(readableBody(call) ?? Buffer.alloc(0)) ?? true;
  const { attempts } = recorder;
  const request = { pinned, signal, memory: answers, attempts, transport, connection, opensTurn };
  const send = (each: Call, rewrite: Rewrite | undefined) =>
    sendWithFailover(each, { ...request, rewrite }, deps);
  const calls = callsFor(call, dialect, config);
  const {
    call: named,
    conversion,
    served,
  } = await sendInOrder(calls, async (named) => {
    // Frames are never edited, so that no other name can take the model's place.
    if (connection && named.model !== call.model) throw renamedOverHttp(named);
    recorder.sendsAs(named);
    const { maxConvertedBytes } = config.server;
    const converted = dialect.convert && (await convertCall(dialect, named, maxConvertedBytes));
    if (converted) call.memory?.own(wholeBody(converted.call.body ?? []));
    const served = await send(converted?.call ?? named, converted?.answer);
    return { call: named, conversion: converted, served };
  });
  for (const each of [call, ...calls]) releaseBody(each);
  // An answer that says no may be followed by another wording of the request.
  if (served.failure === undefined) call.memory?.free();
  share.release();
  const { model, askedModel, warnings } = served.sent;
  recorder.sendsAs(served.sent);
  // An account may have a name of its own for the model.
  const isNamed = model === named.model && askedModel === named.askedModel && warnings === named.warnings;
  const answered = isNamed ? named : { ...named, model, askedModel, warnings };
  const delivery = { exchange, call: answered, served, recorder, memory: answers, deps };
  if (!conversion) return deliverNative(delivery);
  const sendAgain = (again: Call) => send(again, conversion.answer);
  return deliverConverted({ ...delivery, conversion, send: sendAgain });
}

function renamedOverHttp({ model, askedModel }: Call): RelayError {
  return new RelayError(
    "upgrade_required",
    `[models] puts ${JSON.stringify(model)} in the place of ${JSON.stringify(askedModel)}; send the request over HTTP.`,
    { isMove: true },
  );
}
