// The detached refresh process at work: takes orders, refreshes logins on the relay's own database, and reports the outcome.

import { isObject } from "../../json/json-values.ts";
import { createDispatchers, type Dispatchers } from "../../network/dispatchers.ts";
import { createLocalRunner, type LocalRunner } from "../../oauth/local-runner.ts";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import type { Log } from "../../telemetry/log.ts";
import { isOrder, type RefreshOrder, type RefreshReport, type RefreshSite } from "./messages.ts";

export interface RefreshServiceOptions {
  /** Never rejects. */
  report(report: RefreshReport): Promise<void>;
  /** Nothing is left to do. */
  end(): void;
}

export interface RefreshService {
  carryOut(message: unknown): Promise<void>;
  /** The relay is gone: what has begun is finished, what has not is dropped. */
  abandon(): void;
}

/** A pair that no disk takes for so long after the relay is gone is not wanted any more: its folder may be gone too. */
const lingerMs = 3_600_000;

export function createRefreshService({ report, end }: RefreshServiceOptions): RefreshService {
  const abandoned = new AbortController();
  const logins = new Map<string, Login>();
  let opening: Promise<Workplace> | undefined;
  let underWay = 0;
  let hasEnded = false;
  let lingering: NodeJS.Timeout | undefined;

  function loginOf(order: RefreshOrder, { store, dispatchers }: Workplace): Login {
    const known = logins.get(order.login);
    if (known !== undefined) return Object.assign(known, { order });
    const { account } = order;
    const login: Login = { order, runner: undefined! };
    login.runner = createLocalRunner({
      accountId: account.id,
      configuredToken: account.secret,
      tokens: store.tokens,
      provider: () => login.order.provider,
      dispatcher: () => dispatchers.for(account.id, login.order.account.proxy),
      now: Date.now,
      log: reportingLog(report),
    });
    logins.set(order.login, login);
    return login;
  }

  async function refresh(order: RefreshOrder): Promise<void> {
    opening ??= openWorkplace(order.site);
    const { runner } = loginOf(order, await opening);
    const outcome = await runner.run(order.task, abandoned.signal);
    await report({ kind: "outcome", login: order.login, outcome: transferable(outcome) });
    await runner.settled();
    if (!runner.keepsPair()) await report({ kind: "saved", login: order.login });
  }

  async function finish(): Promise<void> {
    hasEnded = true;
    clearTimeout(lingering);
    const workplace = await opening?.catch(() => undefined);
    await workplace?.dispatchers.close();
    await workplace?.store.close();
    end();
  }

  return {
    async carryOut(message) {
      // The relay that sent it sees this process end, and starts another.
      if (hasEnded || !isAddressed(message)) return;
      const { login } = message;
      underWay += 1;
      try {
        if (isOrder(message)) await refresh(message);
        else await report({ kind: "unable", login, reason: "it is of another version than the relay" });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        await report({ kind: "unable", login, reason });
      }
      underWay -= 1;
      if (underWay === 0) await finish();
    },

    abandon() {
      abandoned.abort();
      if (hasEnded) return;
      if (underWay === 0) return void finish();
      // The timer keeps the process alive, too: nothing else does while a pair waits for the disk.
      lingering = setTimeout(() => {
        for (const { runner } of logins.values()) void runner.close();
      }, lingerMs);
    },
  };
}

interface Login {
  /** The newest. */
  order: RefreshOrder;
  runner: LocalRunner;
}

interface Workplace {
  store: Store;
  dispatchers: Dispatchers;
}

async function openWorkplace(site: RefreshSite): Promise<Workplace> {
  const store = await openStore(site, { for: "writing", busyTimeoutMs: site.busyTimeoutMs });
  const { connectTimeoutMs, environmentProxy } = site;
  return { store, dispatchers: createDispatchers({ connectTimeoutMs, environmentProxy }) };
}

function isAddressed(message: unknown): message is { login: string } {
  return isObject(message) && typeof message.login === "string";
}

function reportingLog(report: RefreshServiceOptions["report"]): Log {
  const at = (level: keyof Log) => (fields: object, message: string) =>
    void report({ kind: "log", level, fields: transferable(fields), message });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Errors of libraries hold what cannot be sent; these are what is ever shown of them. */
function transferable<T extends object>(fields: T): T {
  const entries = Object.entries(fields).map(([name, value]) => [name, plainError(value)]);
  return Object.fromEntries(entries) as T;
}

function plainError(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, stack } = value;
  return Object.assign(new Error(message), { name, stack });
}
