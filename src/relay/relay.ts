// One request from its key to its usage row. Accounts may change until the first byte, and never after it.

import type { ServerResponse } from "node:http";
import { type Call, isBilled } from "../call.ts";
import type { Conversion } from "../dialects/dialect.ts";
import { RelayError } from "../errors.ts";
import { forwardResponseHeaders } from "../network/headers.ts";
import type { Outcome } from "../store/store.ts";
import { isEventStream } from "../upstreams/reply.ts";
import { maxErrorBytes } from "./attempt.ts";
import { authenticate } from "./authenticate.ts";
import { decodingTransform } from "./decoding-transform.ts";
import { type Exchange, type RelayDeps, ShutdownAbort } from "./exchange.ts";
import { type Progress, sendWithFailover } from "./failover.ts";
import type { Served } from "./failover-state.ts";
import { answerModels } from "./models.ts";
import { readAnswer } from "./read-answer.ts";
import { readRequest } from "./read-request.ts";
import { createRecorder, type RecordEntry, type Recorder, recordRefusal } from "./record.ts";
import { respond } from "./respond.ts";
import { bindAnswerState, turnStateHeader } from "./routing.ts";

/** Answers the exchange whatever happens; rejects only for a fault of the relay itself, after which the socket is gone. */
export async function relay(exchange: Exchange, deps: RelayDeps): Promise<void> {
  const { dialect, request, signal } = exchange;
  let call: Call | undefined;
  let recorder: Recorder | undefined;
  const progress: Progress = { attempts: 0 };
  try {
    const config = deps.config();
    const client = authenticate(request.headers, exchange.query, config.apiKeys);
    const { maxBodyBytes } = config.server;
    call = await readRequest(exchange, { client, maxBodyBytes, scratch: deps.scratch });
    recorder = createRecorder(exchange, { call, client }, deps);
    if (await answerModels(exchange, call, deps)) return recorder.close(listed(deps.now()));
    const conversion = dialect.convert?.(call);
    const pinned = request.headers["x-cc-relay-account"]?.toString();
    const send = (sent: Call) => sendWithFailover(sent, { pinned, signal, progress }, deps);
    const served = await send(conversion?.call ?? call);
    const delivery = { exchange, call, conversion, recorder, deps };
    if (conversion) await deliverConverted({ ...delivery, conversion, served, send });
    else await deliver({ ...delivery, served });
  } catch (error) {
    await answerError(exchange, deps, { error, call, recorder, attempts: progress.attempts });
  }
}

/** A list of models comes from all accounts, and costs nothing. */
function listed(now: number): RecordEntry {
  return {
    account: "(all)",
    outcome: "complete",
    status: 200,
    attempts: 0,
    firstByteAt: now,
    observer: undefined,
  };
}

interface Delivery {
  exchange: Exchange;
  call: Call;
  conversion: Conversion | undefined;
  served: Served;
  recorder: Recorder;
  deps: RelayDeps;
}

interface ConvertedDelivery extends Delivery {
  conversion: Conversion;
  send(call: Call): Promise<Served>;
}

/** A converted API words the provider's errors in its own form; they are small, so they are read first. */
async function deliverConverted({ send, ...delivery }: ConvertedDelivery): Promise<void> {
  const { conversion, exchange } = delivery;
  const { signal } = exchange;
  let { served } = delivery;
  if (served.answer.head.status < 300) return await deliver(delivery);
  const readBody = async ({ answer }: Served) =>
    (await readAnswer(answer, { maxBytes: maxErrorBytes, signal })).body;
  let body = await readBody(served);
  const again = conversion.again?.(served.answer.head, body);
  if (again) {
    served = await send(again);
    if (served.answer.head.status < 300) return await deliver({ ...delivery, served });
    body = await readBody(served);
  }
  await deliverConvertedError({ ...delivery, served, body });
}

async function deliver({ exchange, call, conversion, served, recorder, deps }: Delivery): Promise<void> {
  const { answer, account, upstream } = served;
  const isGood = served.failure === undefined;
  // A converted stream is rewritten even if it is an error event only: the client knows no other form.
  const rewritten =
    conversion?.answer(answer.head) ?? (isGood ? upstream.translate?.(call, answer.head) : undefined);
  const encoding = answer.head.headers["content-encoding"]?.toString();
  const transform = rewritten && decodingTransform(encoding, rewritten);
  const entry: RecordEntry = {
    account: account.config.id,
    outcome: "complete",
    status: answer.head.status,
    attempts: served.attempts,
    firstByteAt: deps.now(),
    observer: answer.observer,
  };
  deps.metrics.streamOpened(call.family);
  await respond({
    response: exchange.response,
    status: answer.head.status,
    headers: answerHeaders({ served, conversion, replaced: transform?.headers }),
    answer,
    transform,
    signal: exchange.signal,
    needsTerminalEvent: isGood && call.stream && isEventStream(answer.head.headers),
    async record(outcome) {
      entry.outcome = outcome;
      // Also of an answer that broke off: what is stored at the provider under its id can be asked for.
      if (isGood && !account.passthrough) {
        await bindAnswerState(deps, account.config.id, {
          responseIds: answer.observer?.ids ?? [],
          // A conversation is recognised by the first that it carries, and that was in an earlier answer.
          encrypted: call.binding?.kind === "encrypted" ? undefined : answer.observer?.encrypted,
          turnState: answer.head.headers[turnStateHeader]?.toString(),
        });
      }
      await recorder.record(entry);
    },
  });
  deps.metrics.streamClosed(call.family);
  if (isGood && isBilled(call.operation)) noteEnd(served, entry.outcome, deps);
  recorder.close(entry);
}

/** An answer that the client left, or that the provider ended with an error event, says nothing of the account's connections. */
function noteEnd({ account, answer }: Served, outcome: Outcome, { pool }: RelayDeps): void {
  if (account.passthrough || outcome === "aborted" || answer.observer?.lateError !== undefined) return;
  pool.ended(account, { isTruncated: outcome === "truncated", beganAt: answer.headAt });
}

interface AnswerHeaders {
  served: Served;
  conversion: Conversion | undefined;
  /** What stands in place of the upstream's content-type, content-length and content-encoding. */
  replaced: string[] | undefined;
}

function answerHeaders({
  served: { answer, account, upstream },
  conversion,
  replaced,
}: AnswerHeaders): string[] {
  const headers = forwardResponseHeaders(answer.rawHeaders, {
    bodyUnchanged: !replaced,
    drop: (name) =>
      (replaced !== undefined && (name === "content-type" || name === "content-encoding")) ||
      (!account.passthrough && upstream.isAccountHeader(name)),
  });
  if (replaced) headers.push(...replaced);
  if (conversion && conversion.warnings.length > 0)
    headers.push("x-cc-relay-warning", conversion.warnings.join(", "));
  headers.push("x-cc-relay-account", account.config.id);
  return headers;
}

async function deliverConvertedError({
  exchange,
  conversion,
  served: { answer, account, attempts },
  body,
  recorder,
}: Delivery & { conversion: Conversion; body: Buffer }): Promise<void> {
  const rendered = conversion.error(answer.head, body);
  const entry: RecordEntry = {
    account: account.config.id,
    outcome: "failed",
    status: rendered.status,
    attempts,
    firstByteAt: undefined,
    observer: undefined,
  };
  await recorder.record(entry);
  exchange.response.writeHead(rendered.status, [
    ...rendered.headers,
    "x-cc-relay-account",
    account.config.id,
  ]);
  exchange.response.end(rendered.body);
  recorder.close(entry);
}

interface Ended {
  error: unknown;
  /** Undefined when the request could not be read. */
  call: Call | undefined;
  recorder: Recorder | undefined;
  attempts: number;
}

async function answerError(
  exchange: Exchange,
  deps: RelayDeps,
  { error, call, recorder, attempts }: Ended,
): Promise<void> {
  const { response, dialect, signal } = exchange;
  const relayError =
    error instanceof RelayError
      ? error
      : new RelayError("internal", "cc-relay failed while it served this request; its log says more.", {
          cause: error,
        });
  const rendered = dialect.renderError(relayError, call);
  const entry: RecordEntry = {
    account: "(none)",
    ...endOf(signal, rendered.status),
    attempts,
    firstByteAt: undefined,
    observer: undefined,
    ...(!signal.aborted && { error: relayError.code }),
  };
  if (relayError.code === "internal" && !signal.aborted) {
    deps.log.error(
      { request: exchange.id, err: error instanceof Error ? error.stack : String(error) },
      "a fault of the relay",
    );
  }
  if (recorder) {
    await recorder.record(entry);
    recorder.close(entry);
  } else if (!signal.aborted) {
    const { id, request, route } = exchange;
    recordRefusal(
      {
        id,
        method: request.method ?? "",
        route: `${dialect.name}/${route.operation}`,
        error: relayError.code,
        status: rendered.status,
      },
      deps,
    );
  }
  if (signal.aborted || response.headersSent) return void response.destroy();
  sendRendered(response, rendered);
}

/** Of a request that no answer reached: the status that was told, or would have been if somebody were there. */
function endOf(signal: AbortSignal, toldStatus: number): Pick<RecordEntry, "outcome" | "status"> {
  if (!signal.aborted) return { outcome: "failed", status: toldStatus };
  if (signal.reason instanceof ShutdownAbort) return { outcome: "failed", status: 503 };
  return { outcome: "aborted", status: 499 };
}

/** What the client is still sending is read and dropped by node:http: closing under it would take this answer away too. */
export function sendRendered(
  response: ServerResponse,
  rendered: { status: number; headers: string[]; body: string },
): void {
  response.writeHead(rendered.status, [
    ...rendered.headers,
    "content-length",
    String(Buffer.byteLength(rendered.body)),
  ]);
  response.end(rendered.body);
}
