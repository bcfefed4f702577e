// GET models: what the accounts' providers list, merged; from a short-lived cache, and in time for clients that wait three seconds.

import type { Account } from "../accounts/account.ts";
import { cooldownFor } from "../accounts/account.ts";
import type { Call } from "../call.ts";
import { RelayError } from "../errors.ts";
import { canServe } from "./can-serve.ts";
import type { Exchange, RelayDeps } from "./exchange.ts";
import { readAnswer } from "./read-answer.ts";
import type { RecordEntry, Recorder } from "./record.ts";
import { sendRendered } from "./send-rendered.ts";
import { overHttp } from "./transport.ts";

/** The merged lists, by dialect. */
export type ModelLists = Map<string, { body: string; at: number }>;

const freshMs = 60_000;
const timeLimitMs = 2000;
/** A thousand models are half a megabyte. */
const maxListBytes = 8 * 1024 * 1024;

/** Whether the call was a list of models of pooled accounts, and has been answered. */
export async function deliverModels(
  exchange: Exchange,
  { call, recorder }: { call: Call; recorder: Recorder },
  deps: RelayDeps,
): Promise<boolean> {
  if (call.operation !== "list-models" || !exchange.dialect.mergeModels) return false;
  // A client that names an account wants that one's own list.
  if (exchange.source.headers["x-cc-relay-account"] !== undefined) return false;
  const accounts = deps.pool.accounts.filter(
    (account) => account.config.enabled && canServe(account, call) && !cooldownFor(account, "", deps.now()),
  );
  const isPooled = deps.config().accounts.some(({ family }) => family === call.family);
  if (!isPooled) return false;
  const known = deps.models.get(call.dialect);
  let body = known && deps.now() - known.at < freshMs ? known.body : undefined;
  const signal = AbortSignal.any([exchange.signal, AbortSignal.timeout(timeLimitMs)]);
  if (body === undefined) {
    const lists = await fetchLists(accounts, { call, signal }, deps);
    const merged = exchange.dialect.mergeModels(lists);
    body = merged.read > 0 ? merged.body : known?.body;
    // A list that lacks an account's part is shown, and asked for again next time.
    const isWhole = merged.read > 0 && merged.read === accounts.length;
    if (isWhole) deps.models.set(call.dialect, { body: merged.body, at: deps.now() });
  }
  if (body === undefined) {
    if (accounts.length === 0) return false;
    throw signal.aborted
      ? new RelayError("upstream_timeout", "No provider listed its models in time; try again.")
      : new RelayError(
          "upstream_unreachable",
          "No account got a list of models from its provider; check the accounts with `cc-relay doctor`.",
        );
  }
  // A list comes from all accounts, and costs nothing.
  const entry: RecordEntry = { account: "(all)", outcome: "complete", status: 200, observer: undefined };
  recorder.answering(entry.account, entry.status);
  sendRendered(exchange.sink, { status: 200, headers: ["content-type", "application/json"], body });
  recorder.close(entry);
  return true;
}

interface Listing {
  call: Call;
  signal: AbortSignal;
}

async function fetchLists(
  accounts: readonly Account[],
  listing: Listing,
  deps: RelayDeps,
): Promise<Buffer[]> {
  const lists = await Promise.all(
    accounts.map((account) => fetchList(account, listing, deps).catch(() => undefined)),
  );
  return lists.flatMap((list) => list ?? []);
}

async function fetchList(
  account: Account,
  { call, signal }: Listing,
  deps: RelayDeps,
): Promise<Buffer | undefined> {
  const upstream = account.config.kind.upstream;
  const credential = await deps.credentials.get(account, signal);
  if (!credential.ok) return undefined;
  // The whole list: the client's own paging would be of one account's list only.
  const listed = { ...call, query: account.config.kind.modelListQuery, acceptEncoding: undefined };
  const { firstByteTimeoutMs: firstByteMs, idleTimeoutMs: idleMs } = deps.config().upstream;
  const timeouts = { firstByteMs, idleMs };
  const result = await overHttp(
    { account, credential: credential.credential, upstream, call: listed, timeouts, signal },
    deps,
  );
  if (!result.ok) {
    result.answer?.discard();
    return undefined;
  }
  const { body, isWhole } = await readAnswer(result.answer, { maxBytes: maxListBytes, signal });
  return isWhole ? body : undefined;
}
