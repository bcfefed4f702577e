// `cc-relay top`: the live screen over a running relay; one listing where there is no terminal to draw on.

import { Command } from "commander";
import { toRequestDetail, toRequestDocument } from "../documents/request.ts";
import type { StatusDocument } from "../documents/types.ts";
import { plainUsd } from "../documents/usage.ts";
import type { Screen } from "../terminal/output.ts";
import { withoutStyle } from "../terminal/style.ts";
import { toJsonText } from "../text/control-characters.ts";
import { disableAccount, enableAccount } from "./accounts/enable.ts";
import { readWindow, windowText } from "./accounts/windows.ts";
import type { CommandContext } from "./context.ts";
import { findRelay } from "./relay-address.ts";
import { requestTabs, shown } from "./requests/columns.ts";
import { lookInStore } from "./store-access.ts";
import { runLiveScreen } from "./top/live-screen.ts";
import { drawListing } from "./top/screens.ts";
import { createState } from "./top/state.ts";
import { followStatus, readStatus } from "./top/status-feed.ts";

export interface TopOptions {
  json: boolean;
}

export function topCommand(context: CommandContext, run = runTop): Command {
  return new Command("top")
    .description("watch the running relay: accounts, windows, requests")
    .option("--json", "print one JSON object instead, that of GET /status")
    .addHelpText(
      "after",
      `
Keys: arrows select, Enter opens the requests of an account or the attempts of a
request, e and d enable and disable an account, / filters, s sorts, ? lists all
keys, q quits. Without a terminal it prints one listing, tab-separated.

Examples:
  $ cc-relay top
  $ cc-relay top --json | jq '.accounts[] | {id, state, until}'`,
    )
    .action((flags: { json?: boolean }) => run(context, { json: flags.json ?? false }));
}

async function runTop(context: CommandContext, { json }: TopOptions): Promise<void> {
  const { stdout } = context.out;
  const config = await context.loadConfig({ missingVariables: "warning" });
  const key = config.apiKeys[0]?.key;
  const fullAt = config.session.switchAtUtilization;
  const findOrigin = () => findRelay(context, config);
  const isLive = stdout.isTerminal && context.env.TERM !== "dumb" && context.prompts.available;
  if (json || !isLive) {
    const origin = await findOrigin();
    const status = await readStatus({ origin, key });
    if (json) return stdout.write(toJsonText(status, { indented: true }));
    const now = context.clock();
    if (!stdout.isTerminal) return stdout.write(tabSeparated(status));
    return stdout.write(drawListing({ ...createState(origin), status }, { screen: stdout, now, fullAt }));
  }
  context.exitCode = await runLiveScreen({
    findOrigin,
    follow: (origin, signal, onStatus) => followStatus({ origin, key }, { signal, onStatus }),
    openScreen: context.openFullScreen,
    look: { style: stdout.style, unicode: stdout.unicode, fullAt },
    now: context.clock,
    async readAccount(account) {
      const records = await lookInStore(config, ({ requests }) => requests.last({ account, limit: 200 }));
      return records.map(toRequestDocument);
    },
    async readRequest(id) {
      const found = await lookInStore(config, ({ requests }) => requests.find(id));
      return found && toRequestDetail(found);
    },
    changeAccount: (kind, id) => changeAccount(context, kind, id),
    invocation: context,
  });
}

/** As the command of that name does it; what it would print is the answer, on one line. */
async function changeAccount(
  context: CommandContext,
  kind: "enable" | "disable",
  id: string,
): Promise<string> {
  let text = "";
  const add = (more: string) => {
    text += more;
  };
  const screen: Screen = { ...context.out.stderr, write: add };
  const change = kind === "enable" ? enableAccount : disableAccount;
  await change({ ...context, out: { stdout: screen, stderr: screen } }, id);
  return shown(withoutStyle(text).replaceAll("\n", "  "));
}

/** Accounts first, then what runs, then what has ended. */
function tabSeparated({ accounts, running, recent }: StatusDocument): string {
  const lines = [
    ...accounts.map((account) => {
      const { id, type, priority, state, until, reason, windows } = account;
      const { requests_24h, tokens_24h, cost_usd_24h } = account;
      const used = windows.map((window) => windowText(readWindow(window)));
      const fields = [
        id,
        type,
        priority,
        state,
        until,
        reason,
        used.join(" "),
        account.running,
        requests_24h,
        tokens_24h,
        plainUsd(cost_usd_24h ?? undefined),
      ];
      return ["account", ...fields].map((field) => shown(String(field ?? ""))).join("\t");
    }),
    ...running.map((request) => `running\t${requestTabs(request)}`),
    ...recent.map((request) => `request\t${requestTabs(request)}`),
  ];
  return lines.map((line) => `${line}\n`).join("");
}
