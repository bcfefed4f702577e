// Serves GET models: the lists of the accounts' providers, merged within two seconds, since clients wait three.

import { type Account, cooldownFor } from "../accounts/account.ts";
import type { RenderedError } from "../dialects/dialect.ts";
import type { Call } from "../domain/call.ts";
import { RelayError } from "../domain/errors.ts";
import { forwardResponseHeaders } from "../network/headers.ts";
import { readClientLogin } from "../upstreams/client-login.ts";
import { attemptOn } from "./account-attempt.ts";
import type { Answer } from "./answer.ts";
import { canServe } from "./can-serve.ts";
import { sendRendered } from "./client.ts";
import { isForClientToSettle } from "./consequences.ts";
import type { Exchange, RelayDeps } from "./exchange.ts";
import type { Fetched, ListResult } from "./model-lists.ts";
import { type ReadAnswerOptions, readAnswer } from "./read-answer.ts";
import type { RecordEntry, Recorder } from "./record.ts";
import { ownListAccount } from "./routing.ts";
import { overHttp } from "./transport.ts";

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
  const login = readClientLogin(call);
  if (ownListAccount(call, login, deps) !== undefined) return false;
  const loginHash = login && deps.hashLogin(login.identity);
  const all = deps.pool.accountsFor(
    loginHash === undefined ? undefined : { family: call.family, hash: loginHash },
  );
  const accounts = all.filter(
    (account) =>
      account.config.enabled && canServe(account, call, deps.now()) && !cooldownFor(account, "", deps.now()),
  );
  const isPooled = deps.config().accounts.some(({ family }) => family === call.family);
  if (!isPooled || accounts.length === 0) return false;
  const { mergeModels } = exchange.dialect;
  const isList = (body: Buffer) => mergeModels([body]).read === 1;
  const listing = { call, signal: exchange.signal, isList };
  const results = await Promise.all(accounts.map((account) => readList(account, listing, deps)));
  const refused = results.findIndex(({ refusal }) => refusal !== undefined);
  if (refused >= 0) {
    passRefusalOn({ exchange, recorder }, accounts[refused]!, results[refused]!.refusal!);
    return true;
  }
  const merged = mergeModels(results.flatMap(({ list }) => list ?? []));
  if (merged.read === 0) {
    throw results.some(({ isLate }) => isLate)
      ? new RelayError("upstream_timeout", "No provider listed its models in time; try again.")
      : new RelayError(
          "upstream_unreachable",
          "No account got a list of models from its provider; check the accounts with `cc-relay doctor`.",
        );
  }
  const { body } = merged;
  // A list comes from all accounts, and costs nothing.
  const entry: RecordEntry = { account: "(all)", outcome: "complete", status: 200, observer: undefined };
  recorder.answering(entry.account, entry.status);
  sendRendered(exchange.sink, { status: 200, headers: ["content-type", "application/json"], body });
  recorder.close(entry);
  return true;
}

/** The login's own 401: the client refreshes it and asks again, for a list with nothing missing. */
function passRefusalOn(
  { exchange, recorder }: { exchange: Exchange; recorder: Recorder },
  { config }: Account,
  { headers, ...refusal }: RenderedError,
): void {
  const { status } = refusal;
  const entry: RecordEntry = { account: config.id, outcome: "failed", status, observer: undefined };
  recorder.answering(entry.account, status);
  sendRendered(exchange.sink, { ...refusal, headers: [...headers, "x-cc-relay-account", config.id] });
  recorder.close(entry);
}

interface Listing {
  call: Call;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  /** Whether an answer is a list of this API. */
  isList(body: Buffer): boolean;
}

function readList(account: Account, { signal, ...listing }: Listing, deps: RelayDeps): Promise<ListResult> {
  // The client's own login has a list of its own.
  const owner = account.login ?? "";
  return deps.models.get(JSON.stringify([listing.call.dialect, account.config.id, owner]), {
    fetch: (limit) => fetchList(account, { ...listing, signal: limit }, deps),
    signal,
    now: deps.now(),
  });
}

async function fetchList(
  account: Account,
  { call, signal, isList }: Listing,
  deps: RelayDeps,
): Promise<Fetched> {
  const { kind } = account.config;
  // The whole list: the client's own paging would be of one account's list only.
  const listed = { ...call, query: kind.modelListQuery, acceptEncoding: undefined };
  const firstByteMs = deps.config().upstream.firstByteTimeoutMs;
  const memory = deps.memory.openGrowing(signal);
  const limits = { maxBytes: maxListBytes, signal, memory };
  try {
    const turn = { call: listed, upstream: kind.upstream, signal, memory, firstByteMs, transport: overHttp };
    const result = await attemptOn(account, turn, deps);
    if (!result.ok) {
      const { answer, failure } = result;
      const refused = {
        status: answer?.head.status,
        login: readClientLogin(call)?.kind,
        isOwn: account.login !== undefined,
      };
      if (answer && isForClientToSettle(failure, refused))
        return { refusal: await readRefusal(answer, limits) };
      answer?.discard();
      return {};
    }
    const { body, isWhole } = await readAnswer(result.answer, limits);
    return isWhole && isList(body) ? { list: body } : {};
  } finally {
    memory.release();
  }
}

async function readRefusal(answer: Answer, limits: ReadAnswerOptions): Promise<RenderedError> {
  const headers = forwardResponseHeaders(answer.rawHeaders, { bodyUnchanged: false });
  const { body } = await readAnswer(answer, limits);
  return { status: answer.head.status, headers, body: body.toString() };
}
