// `cc-relay usage`: what was used in a period, and what it cost.

import { Command, Option } from "commander";
import type { Config } from "../config/config.ts";
import { toUsageCsv } from "../documents/usage.ts";
import { type Fix, toRun } from "../domain/errors.ts";
import type { Store } from "../store/store.ts";
import type { UsageKey } from "../store/usage-store.ts";
import type { Screen } from "../terminal/output.ts";
import { type Period, periodText, readPeriod } from "../terminal/period.ts";
import { wrap } from "../terminal/width.ts";
import type { CommandContext } from "./context.ts";
import { fixTextHere } from "./invocation.ts";
import { lookInStore } from "./store-access.ts";
import { footnotes } from "./usage/footnotes.ts";
import { toJson, type UsageReport } from "./usage/report.ts";
import { renderUsage } from "./usage/table.ts";

const keys = ["day", "account", "model", "client", "family"] as const satisfies readonly UsageKey[];

export interface UsageOptions {
  since: string;
  /** Undefined: now. */
  until: string | undefined;
  by: UsageKey;
  format: "table" | "json" | "csv";
}

export function usageCommand(context: CommandContext, run = showUsage): Command {
  return new Command("usage")
    .description("show the tokens used and what they cost by list price")
    .option("--since <time>", "from when on: 30m, 24h, 7d, 4w, a day, or a time", "7d")
    .option("--until <time>", "until when, a day included; now when left out")
    .addOption(new Option("--by <key>", "what the rows are grouped by").choices(keys).default("day"))
    .addOption(new Option("--json", "print JSON").conflicts("csv"))
    .option("--csv", "print CSV, without the total")
    .addHelpText(
      "after",
      `
Days and times without a zone are local. In a pipe, tab-separated: key,
requests, errors, input, output, cache write, cache read, USD; the last line
is the total. A model that was sent under another name is "NAME as SENT".

Examples:
  $ cc-relay usage --by model
  $ cc-relay usage --since 2026-11-01 --until 2026-11-30 --by account
  $ cc-relay usage --since 24h --csv > usage.csv`,
    )
    .action((flags: { since: string; until?: string; by: UsageKey; json?: boolean; csv?: boolean }) =>
      run(context, {
        since: flags.since,
        until: flags.until,
        by: flags.by,
        format: flags.json ? "json" : flags.csv ? "csv" : "table",
      }),
    );
}

async function showUsage(context: CommandContext, options: UsageOptions): Promise<void> {
  const now = context.clock();
  const period = readPeriod(options, now);
  const config = await context.loadConfig({ missingVariables: "warning" });
  const report = await lookInStore(config, (store) => readReport(config, store, { period, by: options.by }));
  const { stdout, stderr } = context.out;
  if (options.format === "json") return stdout.write(toJson(report));
  if (options.format === "csv") stdout.write(toUsageCsv(report.summary));
  if (report.summary.rows.length === 0) {
    return stderr.write(
      `no usage ${periodText(period)}\n  - ${fixTextHere(lookElsewhere(period, now), context)}\n`,
    );
  }
  if (options.format === "table") stdout.write(renderUsage(report, stdout));
  // Part of the picture on a terminal; a program that reads standard output must not meet them.
  const isPicture = options.format === "table" && stdout.isTerminal;
  const notes = footnotes(report, stdout).map(({ mark, fact, fix }) => ({
    mark,
    text: fix === undefined ? fact : `${fact}; ${fixTextHere(fix, context)}`,
  }));
  if (isPicture) stdout.write(drawNotes(notes, stdout));
  else stderr.write(notes.map(({ text }) => `${text}\n`).join(""));
}

async function readReport(
  { accounts }: Config,
  { usage }: Store,
  { period, by }: { period: Period; by: UsageKey },
): Promise<UsageReport> {
  const summary = await usage.summarize({ ...period, by });
  const subscribed = new Set(
    accounts.filter(({ kind }) => kind.labels.credential === "login").map(({ id }) => id),
  );
  if (subscribed.size === 0) return { ...period, by, summary, subscriptions: [] };
  const byAccount = by === "account" ? summary : await usage.summarize({ ...period, by: "account" });
  const subscriptions = byAccount.rows.map(({ key }) => key).filter((id) => subscribed.has(id));
  return { ...period, by, summary, subscriptions };
}

function lookElsewhere(period: Period, now: number): Fix {
  return period.since > now - 30 * dayMs
    ? toRun("look further back", "cc-relay usage --since 30d")
    : { instruction: "what goes through the relay is counted; to start it, run:", command: "cc-relay serve" };
}

const dayMs = 86_400_000;

function drawNotes(
  notes: readonly { mark: string; text: string }[],
  { width, unicode, style }: Screen,
): string {
  const lines = notes.flatMap(({ mark, text }) =>
    wrap(text, width - 2, unicode).map((line, index) => `${index === 0 ? mark : " "} ${line}`),
  );
  return lines.length === 0 ? "" : `\n${lines.map((line) => `${style.dim(line)}\n`).join("")}`;
}
