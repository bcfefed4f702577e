// One exchange with a client over any transport, and the dependencies that the pipeline needs to serve it.

import type { Bindings } from "../accounts/bindings.ts";
import type { CredentialSource } from "../accounts/credentials.ts";
import type { Pool } from "../accounts/pool.ts";
import type { SlowStart } from "../accounts/slow-start.ts";
import type { Config } from "../config/config.ts";
import type { Dialect, Route } from "../dialects/dialect.ts";
import type { Dispatchers } from "../network/dispatchers.ts";
import type { UsageStore } from "../store/usage-store.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Timers } from "../time/timers.ts";
import type { RelayKeys } from "./authenticate.ts";
import type { BodyStall } from "./body-stall.ts";
import type { ClientConnection, ClientSink, RequestSource } from "./client.ts";
import type { RelayEvents } from "./events.ts";
import type { Scratch } from "./join-body.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { ModelLists } from "./model-lists.ts";
import type { ShortageLog } from "./shortage.ts";
import type { Transport } from "./transport.ts";

export interface Exchange {
  /** Our id of the request: in the log, in the usage row, and nowhere else. */
  id: string;
  source: RequestSource;
  sink: ClientSink;
  dialect: Dialect;
  route: Route;
  /** "" or "?…" as the client wrote it. */
  query: string;
  /** Aborted when the client leaves before it has the whole answer, or with a ShutdownAbort as the reason. */
  signal: AbortSignal;
  /** Epoch ms. */
  receivedAt: number;
  /** How accounts are asked; HTTP when absent. */
  transport?: Transport;
  /** That the request came over, where it is more than one request long. */
  connection?: ClientConnection;
  /** The request only prepares the next one: where its answer reports no usage, it cost nothing and is not recorded. */
  isWarmUp?: boolean;
}

/** The relay shuts down and breaks off open answers: the client did not leave. */
export class ShutdownAbort extends Error {
  override name = "ShutdownAbort";
}

export interface RelayDeps {
  /** Asked anew by each request, so that a reload counts for the next one and never for a stream that is open. */
  config(): Config;
  pool: Pool;
  bindings: Bindings;
  slowStart: SlowStart;
  credentials: CredentialSource;
  dispatchers: Dispatchers;
  /** Never rejects: a client's answer does not depend on the database. */
  usage: Pick<UsageStore, "record">;
  models: ModelLists;
  scratch: Scratch;
  /** What bodies that are received, decoded or converted take of the process's memory. */
  memory: MemoryBudget;
  relayKeys: RelayKeys;
  /** A keyed hash of what identifies a client's own login: it goes into the database and onto screens. */
  hashLogin(identity: string): string;
  metrics: Metrics;
  /** How slowly a body may come; the usual limits when absent. */
  bodyStall?: BodyStall;
  /** For how long an undecided answer is held back after its head; the usual 5 s when absent. */
  holdBackMs?: number;
  /** What happens to requests and accounts, as it happens. */
  events: RelayEvents;
  /** Says once a minute what this machine is short of. */
  shortages: ShortageLog;
  log: Log;
  /** Epoch ms. */
  now: () => number;
  /** As Clock has it: how long something took does not depend on the time of day. */
  monotonic: () => number;
  /** By these it waits, holds back, and ends what takes too long. */
  timers: Timers;
}
