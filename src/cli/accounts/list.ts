// `cc-relay accounts list`: how each account is doing, as blocks for a person, lines for a pipe, or JSON.

import { readAccountViews } from "../../app/account-views.ts";
import { type AccountView, toAccountDocument } from "../../documents/account.ts";
import { plainUsd } from "../../documents/usage.ts";
import { toRun } from "../../domain/errors.ts";
import { renderTable } from "../../terminal/table.ts";
import { toJsonText } from "../../text/control-characters.ts";
import { rfc3339 } from "../../text/format.ts";
import type { CommandContext } from "../context.ts";
import { fixTextHere } from "../invocation.ts";
import { lookInStore } from "../store-access.ts";
import { loginName, renderBlocks } from "./blocks.ts";
import { windowText } from "./windows.ts";

export interface ListOptions {
  json: boolean;
}

export async function listAccounts(context: CommandContext, { json }: ListOptions): Promise<void> {
  const config = await context.loadConfig({ missingVariables: "warning" });
  const now = context.clock();
  const views = await lookInStore(config, (store) => readAccountViews(config, store, now));
  const { stdout, stderr } = context.out;
  const { configFile, program } = context;
  if (json) return stdout.write(toJson(views));
  if (views.length === 0) {
    const fix = toRun("add one", "cc-relay login claude");
    stderr.write(`no accounts yet\n  - ${fixTextHere(fix, context)}\n`);
  } else if (stdout.isTerminal) {
    const fullAt = config.session.switchAtUtilization;
    stdout.write(renderBlocks(views, { screen: stdout, now, fullAt, configFile, program }));
  } else {
    stdout.write(renderTable({ columns: [], rows: views.flatMap(toRows) }, stdout));
  }
}

function toJson(views: readonly AccountView[]): string {
  return toJsonText({ accounts: views.map(toAccountDocument) }, { indented: true });
}

/** The account, and the clients' own logins on it. */
function toRows({
  config,
  logins = [],
  requests24h,
  tokens24h,
  costUsd24h,
  ...own
}: AccountView): string[][] {
  const cells = (name: string, { status, windows }: Pick<AccountView, "status" | "windows">) => [
    name,
    config.type,
    String(config.priority),
    status.state,
    status.until === undefined ? "" : rfc3339(status.until),
    status.reason ?? "",
    windows.map(windowText).join(" "),
  ];
  return [
    [...cells(config.id, own), String(requests24h), String(tokens24h), plainUsd(costUsd24h)],
    ...logins.map((login) => [...cells(loginName(config.id, login), login), "", "", ""]),
  ];
}
