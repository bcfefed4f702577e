// Finds where a request belongs before an account is chosen: pinned by the client, bound to state at the
// provider (required account), or sticky by its session.

import { isOfClients } from "../account-kinds/account-kind.ts";
import { type Account, createAccount } from "../accounts/account.ts";
import type { BoundTo } from "../accounts/bindings.ts";
import { isLastResort } from "../accounts/last-resort.ts";
import type { RequestLogin } from "../accounts/logins.ts";
import type { Config } from "../config/config.ts";
import { defaultAccount } from "../config/defaults.ts";
import { type Binding, bindingId, type Call, isBilled } from "../domain/call.ts";
import { RelayError } from "../domain/errors.ts";
import { type Family, passthroughAccountId } from "../domain/family.ts";
import { providerOf } from "../upstreams/client.ts";
import { type ClientLogin, readClientLogin } from "../upstreams/client-login.ts";
import { accountKinds } from "../upstreams/kinds.ts";
import type { ClientConnection } from "./client.ts";
import type { RelayDeps } from "./exchange.ts";
import type { Served } from "./failover-state.ts";

export interface Routing {
  /** What is sent: the client's call, without a turn state that another account issued. */
  call: Call;
  /** The family has no account: the client's own credential goes through. */
  passthrough: Account | undefined;
  pinned: string | undefined;
  required: string | undefined;
  session: BoundTo | undefined;
  /** The account that gave the message which a thread continues. Preferred, not required: at another one the client sends everything again. */
  holder: string | undefined;
  /** The client's own login, whatever account answers; undefined when the request carries none. */
  login: (RequestLogin & Pick<ClientLogin, "kind">) | undefined;
  /** Binds the session alone; with `isMove` the account becomes its sticky account. */
  bindSession(accountId: string, how?: { isMove?: boolean }): Promise<void>;
  /** Called with the account that gave a good answer. */
  bind(accountId: string): Promise<void>;
}

const sessionKind = "session";
/** The ids of answers within threads. */
const messageKind = "message";
/** Providers keep stored responses for 30 days. */
const stateTtlMs = 30 * 86_400_000;

/** Throws RelayError for a pinned account that cannot be had, and for state whose account is gone. */
export async function findRouting(
  call: Call,
  { named, connection }: { named: string | undefined; connection?: ClientConnection | undefined },
  deps: RelayDeps,
): Promise<Routing> {
  const login = readClientLogin(call);
  const pinned = named ?? ownListAccount(call, login, deps);
  const config = deps.config();
  const now = deps.now();
  const bound =
    call.sessionKey === undefined ? undefined : await deps.bindings.find(sessionKind, call.sessionKey, now);
  const session = preferConnected(bound, connection?.accountId);
  const passthrough = passthroughAccount(call, config);
  if (pinned !== undefined) requireAccount(pinned, call.family, deps);
  const required =
    passthrough || pinned !== undefined
      ? undefined
      : ((call.binding && (await findRequiredAccount(call.binding, session, deps))) ??
        heldBy(connection, call));
  const bindSession = async (accountId: string, { isMove = false } = {}) => {
    const { stickyTtlMs: ttlMs, renewalThresholdMs } = config.session;
    const use = { accountId, now: deps.now(), renewalThresholdMs, isMove };
    const isConversation = isBilled(call.operation) || call.operation === "count-tokens";
    // Its sessions were sent away when it was disabled: an answer that was under way then brings none back.
    const isOff = deps.pool.account(accountId)?.config.enabled === false;
    if (call.sessionKey !== undefined && pinned === undefined && isConversation && !isOff) {
      await deps.bindings.bind({ ...use, kind: sessionKind, key: call.sessionKey, ttlMs });
    }
  };
  const turn = call.binding?.kind === "turn" ? call.binding : undefined;
  const isStranger = !passthrough && turn !== undefined && !(await knowsTurn(pinned ?? required, turn, deps));
  const continued = passthrough || required !== undefined ? undefined : call.thread?.previousId;
  return {
    call: isStranger ? withoutTurnState(call) : call,
    passthrough,
    pinned,
    required,
    session,
    holder: continued === undefined ? undefined : await findHolder(continued, deps),
    login: login && { family: call.family, hash: deps.hashLogin(login.identity), kind: login.kind },
    bindSession,
    async bind(accountId) {
      // A session that began where only a last resort was left does not belong there.
      const isMove = isLastResortId(bound?.accountId, deps) && !isLastResortId(accountId, deps);
      await bindSession(accountId, { isMove });
      // A good answer is proof: nobody but the holder of the state can give one.
      if (call.binding && !isStranger) {
        const { kind, id: key } = call.binding;
        await deps.bindings.bind({ ...stateUse(accountId, deps), kind, key });
      }
    },
  };
}

/** Last resorts know no threads: whether a conversation stays with one is decided by its session. */
async function findHolder(messageId: string, deps: RelayDeps): Promise<string | undefined> {
  const bound = await deps.bindings.find(messageKind, messageId, deps.now());
  return isLastResortId(bound?.accountId, deps) ? undefined : bound?.accountId;
}

function isLastResortId(id: string | undefined, { pool }: Pick<RelayDeps, "pool">): boolean {
  const account = id === undefined ? undefined : pool.account(id);
  return account !== undefined && isLastResort(account);
}

/** A connection that is open to an account is used, unless the session's own account can serve. */
function preferConnected(bound: BoundTo | undefined, connected: string | undefined): BoundTo | undefined {
  if (connected === undefined) return bound;
  return { accountId: bound?.accountId ?? connected, fallbackId: bound?.fallbackId ?? connected };
}

/** What a request continues is in the memory of its connection, where no account has stored it. */
function heldBy(connection: ClientConnection | undefined, { binding }: Call): string | undefined {
  return binding?.kind === "response" ? connection?.accountId : undefined;
}

/** Binds later requests that name something in the answer to the account that gave it. */
export async function bindAnswerState(
  { answer: { observer, head }, account, upstream }: Pick<Served, "answer" | "account" | "upstream">,
  { binding, thread }: Call,
  deps: RelayDeps,
): Promise<void> {
  const use = stateUse(account.config.id, deps);
  const kind = thread ? messageKind : "response";
  for (const key of observer?.ids ?? []) await deps.bindings.bind({ ...use, kind, key });
  // A conversation is recognised by the first that it carries, and that was in an earlier answer.
  if (observer?.encrypted !== undefined && binding?.kind !== "encrypted") {
    await deps.bindings.bind({ ...use, kind: "encrypted", key: bindingId(observer.encrypted) });
  }
  const turnState = upstream.stateHeader && head.headers[upstream.stateHeader]?.toString();
  if (turnState !== undefined) await deps.bindings.bind({ ...use, kind: "turn", key: turnState });
}

/** What is in use stays known, however long it lives: it is written anew in the second half of its time. */
function stateUse(accountId: string, deps: RelayDeps) {
  return { accountId, now: deps.now(), ttlMs: stateTtlMs, renewalThresholdMs: stateTtlMs / 2 };
}

function requireAccount(id: string, family: Family, deps: RelayDeps): void {
  const ids = deps.pool.accounts.flatMap(({ config }) =>
    config.family === family && config.enabled ? [config.id] : [],
  );
  if (ids.includes(id)) return;
  const known = ids.length > 0 ? `the enabled ones are ${ids.join(", ")}` : "there is no enabled one";
  throw new RelayError(
    "unknown_account",
    `No enabled account for this API has the id ${JSON.stringify(id.slice(0, 80))}: ${known}.`,
    { shouldRetry: false },
  );
}

/** Undefined when nothing binds the request, or the account is not known: then the provider says so itself. */
async function findRequiredAccount(
  { kind, id }: Binding,
  session: BoundTo | undefined,
  deps: RelayDeps,
): Promise<string | undefined> {
  const bound = await deps.bindings.find(kind, id, deps.now());
  const isEnabled = (accountId: string | undefined) =>
    accountId !== undefined && deps.pool.account(accountId)?.config.enabled === true;
  // The account whose answer had it, or one that has read it since; where there is none, the one that serves the session.
  if (kind === "encrypted")
    return [bound?.accountId, bound?.fallbackId, session?.fallbackId, session?.accountId].find(isEnabled);
  if (!bound || isEnabled(bound.accountId)) return bound?.accountId;
  if (kind === "turn") return undefined;
  throw new RelayError(
    "binding_gone",
    `The account that holds ${JSON.stringify(id.slice(0, 80))} is disabled or no longer configured; start a new conversation.`,
    { param: kind === "response" ? "previous_response_id" : undefined, shouldRetry: false },
  );
}

/** A turn state means something to the account that issued it alone; OpenAI takes a request without one like the first of a turn. */
async function knowsTurn(
  accountId: string | undefined,
  { kind, id }: Binding,
  deps: RelayDeps,
): Promise<boolean> {
  const issued = await deps.bindings.find(kind, id, deps.now());
  return issued !== undefined && issued.accountId === accountId;
}

function withoutTurnState(call: Call): Call {
  const name = call.binding?.header;
  const headers = call.headers.filter((_, at, all) => all[at - (at % 2)]!.toLowerCase() !== name);
  return { ...call, headers };
}

/** The account that alone has the list of models which a login is asking for. */
export function ownListAccount(
  call: Call,
  login: ClientLogin | undefined,
  { pool }: Pick<RelayDeps, "pool">,
): string | undefined {
  if (call.operation !== "list-models" || !login?.hasOwnModels) return undefined;
  const isOwn = ({ config }: Account) =>
    config.family === call.family && config.enabled && isOfClients(config);
  return pool.accounts.find(isOwn)?.config.id;
}

function passthroughAccount(call: Call, config: Config): Account | undefined {
  const { family } = call;
  if (config.apiKeys.length > 0 || config.accounts.some((account) => account.family === family))
    return undefined;
  const account = createAccount(
    defaultAccount({
      id: passthroughAccountId,
      kind: accountKinds.client,
      family,
      priority: 0,
      apiUrl: config.upstream.providerUrls[providerOf(call)],
    }),
  );
  return { ...account, passthrough: true };
}
