// The accounts as a person reads them: one block each, the verdict first and the next command last.

import type { AccountState, AccountStatus } from "../../accounts/state.ts";
import type { AccountConfig } from "../../config/config.ts";
import type { AccountView, LoginView } from "../../documents/account.ts";
import { type Fix, toRun } from "../../domain/errors.ts";
import { families } from "../../domain/family.ts";
import type { Screen } from "../../terminal/output.ts";
import { sign } from "../../terminal/style.ts";
import { singleLine, truncate, wrap } from "../../terminal/width.ts";
import { plural, relativeTime, useText } from "../../text/format.ts";
import { clockTime } from "../../time/local-time.ts";
import { fixTextHere, type Invocation } from "../invocation.ts";
import { drawWindows } from "./windows.ts";

export interface BlocksContext extends Invocation {
  screen: Pick<Screen, "width" | "style" | "unicode">;
  now: number;
  /** The utilization from which on an account has no room: session.switch_at_utilization. */
  fullAt: number;
}

/** Within a family in the order in which they are tried. */
export function renderBlocks(views: readonly AccountView[], context: BlocksContext): string {
  const sorted = views.toSorted(
    (a, b) =>
      families.indexOf(a.config.family) - families.indexOf(b.config.family) ||
      b.config.priority - a.config.priority,
  );
  const shown = sorted.map((view) => loginsWorthALine(view, context.now));
  const windows = drawWindows(
    [...sorted, ...shown.flat()].map((view) => view.windows),
    context,
  );
  const ofLogins = windows.splice(sorted.length);
  const { screen } = context;
  const blocks = sorted.map((view, index) => [
    heading(view.config, context),
    ...verdict(view, context),
    ...(windows[index] ?? []).map((line) => `  ${line}`),
    ...shown[index]!.flatMap((login) => [
      ...verdict(login, context, loginName(view.config.id, login)),
      ...(ofLogins.shift() ?? []).map((line) => `  ${line}`),
    ]),
    ...wrap(activity(view, context.now), screen.width - 2).map((line) => `  ${line}`),
    ...nextCommand(view).map((fix) => `  - ${fixTextHere(fix, context)}`),
  ]);
  const summary =
    views.length > 1 ? [wrap(summarize(views), screen.width).map((line) => screen.style.dim(line))] : [];
  return [...blocks, ...summary].map((lines) => lines.map((line) => `${line}\n`).join("")).join("\n");
}

function heading({ id, name, type, priority }: AccountConfig, { screen }: BlocksContext): string {
  const kind = `(${type}, priority ${priority})`;
  const room = Math.max(8, screen.width - id.length - kind.length - 3);
  const title = name === id ? "" : `, ${truncate(singleLine(name), room, screen.unicode)}`;
  return `${screen.style.bold(id)}${title} ${screen.style.dim(kind)}`;
}

const dayMs = 86_400_000;

/** Tokens change with every refresh, and old ones stay listed for days: what was not used today says nothing to a person. */
function loginsWorthALine({ logins = [] }: AccountView, now: number): LoginView[] {
  return logins.filter(
    ({ lastUsedAt = 0, status }) => status.state === "cooldown" || lastUsedAt > now - dayMs,
  );
}

/** `name`: of what the verdict is about, where that is not the account itself. */
function verdict(view: Pick<AccountView, "status">, { screen, now }: BlocksContext, name?: string): string[] {
  const lines = verdictLines(view, { screen, now });
  const [first = "", ...more] = lines;
  // Behind the sign and its blanks.
  return name === undefined ? lines : [first.replace(/^( *\S+ )/, `$1${name}: `), ...more];
}

function verdictLines(
  view: Pick<AccountView, "status">,
  { screen, now }: Pick<BlocksContext, "screen" | "now">,
): string[] {
  const { state, reason, until } = view.status;
  const when = until === undefined ? "" : endOf(until, now);
  const why = (text: string, first = "    ") =>
    wrap(singleLine(text), screen.width - 4, screen.unicode).map(
      (line, index) => `${index === 0 ? first : "    "}${line}`,
    );
  switch (state) {
    case "ready":
      return [
        `  ${sign("ok", screen)} ready`,
        ...shownRemarks(view.status, now).flatMap((remark) => why(remark, `  ${sign("warn", screen)} `)),
      ];
    case "cooldown":
      return [
        `  ${sign("warn", screen)} in cooldown until ${when}`,
        ...(reason === undefined ? [] : why(reason)),
      ];
    case "needs-login":
      return [
        `  ${sign("fail", screen)} needs login`,
        ...why(`${reason ?? "the credential was refused"}; tried again ${relativeTime(until ?? now, now)}`),
      ];
    case "disabled":
      return [`  ${screen.style.dim(screen.unicode ? "○" : "o")} disabled`];
  }
}

/** An account can have a hundred models in cooldown. */
const maxRemarks = 8;

function shownRemarks({ remarks = [] }: AccountStatus, now: number): string[] {
  const shown = remarks
    .slice(0, maxRemarks)
    .map(({ reason, until }) => (until === undefined ? reason : `${reason}, until ${endOf(until, now)}`));
  const left = remarks.length - shown.length;
  return left > 0 ? [...shown, `and ${left} more (--json lists them)`] : shown;
}

function endOf(until: number, now: number): string {
  return `${clockTime(until, now)} (${relativeTime(until, now)})`;
}

function activity({ requests24h, tokens24h, costUsd24h, lastUsedAt }: AccountView, now: number): string {
  const used =
    lastUsedAt === undefined
      ? requests24h === 0
        ? ", never used"
        : ""
      : `, last used ${relativeTime(lastUsedAt, now)}`;
  const use = useText({ requests: requests24h, tokens: tokens24h, costUsd: costUsd24h ?? null });
  return `${use} in the last 24 h${used}`;
}

/** What a person can do about the state; nothing for an account that is ready. */
function nextCommand({ config, status }: AccountView): Fix[] {
  const { id } = config;
  switch (status.state) {
    case "ready":
      return [];
    case "cooldown":
      return [toRun("end its cooldown now", `cc-relay accounts enable ${id}`)];
    case "needs-login":
      return [toRun("log in again", `cc-relay ${loginCommand(config)}`)];
    case "disabled":
      return [toRun("use it again", `cc-relay accounts enable ${id}`)];
  }
}

function loginCommand({ id, kind, family }: AccountConfig): string {
  const key = kind.labels.credential === "API key" ? " --api-key" : "";
  return `login ${family} --id ${id}${key}`;
}

const stateWords: Readonly<Record<AccountState, string>> = {
  ready: "ready",
  cooldown: "in cooldown",
  "needs-login": "needs login",
  disabled: "disabled",
};

/** `5 accounts: 3 ready, 1 in cooldown, 1 disabled` */
function summarize(views: readonly AccountView[]): string {
  const states = Object.keys(stateWords) as AccountState[];
  const parts = states.flatMap((state) => {
    const total = views.filter(({ status }) => status.state === state).length;
    return total === 0 ? [] : [`${total} ${stateWords[state]}`];
  });
  return `${plural(views.length, "account")}: ${parts.join(", ")}`;
}

export function loginName(accountId: string, { hash }: Pick<LoginView, "hash">): string {
  return `${accountId} ${hash.slice(0, 4)}`;
}
