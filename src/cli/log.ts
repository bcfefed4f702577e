// `cc-relay log`: the last requests out of the database, with or without a running relay, or one of them with its attempts.

import { Command, InvalidArgumentError } from "commander";
import { toRequestDetail, toRequestDocument } from "../documents/request.ts";
import type { RequestDetailDocument, RequestDocument } from "../documents/types.ts";
import { toRun, UserError } from "../domain/errors.ts";
import type { RequestFilter, RequestLog, RequestRecord } from "../store/usage-store.ts";
import type { Screen } from "../terminal/output.ts";
import { readPeriod } from "../terminal/period.ts";
import { toJsonText } from "../text/control-characters.ts";
import { dayName } from "../time/local-time.ts";
import type { CommandContext } from "./context.ts";
import { fixTextHere } from "./invocation.ts";
import { followRequests } from "./log/follow.ts";
import { requestTabs, shortId, shown } from "./requests/columns.ts";
import { requestDetailFields, requestDetailLines } from "./requests/detail.ts";
import { createRequestTable, type RequestColumn } from "./requests/table.ts";
import { lookInStore } from "./store-access.ts";

export interface LogOptions {
  /** One request, by its id or the part of it that `log` shows. */
  id?: string;
  follow: boolean;
  limit: number;
  since?: string;
  account?: string;
  client?: string;
  model?: string;
  failed: boolean;
  json: boolean;
}

type Flags = Partial<Omit<LogOptions, "id" | "limit">> & { limit: number };

export function logCommand(context: CommandContext, run = runLog): Command {
  return new Command("log")
    .description("show the last requests, or one with each of its attempts")
    .argument("[request]", "the id of a request, as the list shows it")
    .option("-f, --follow", "go on with each request that ends")
    .option("-n, --limit <number>", "how many of the last requests", readLimit, 20)
    .option("--since <time>", "only since then: 30m, 24h, 7d, 4w, a day, or a time")
    .option("--account <id>", "only what this account answered, or was asked for")
    .option("--client <name>", "only of this client key")
    .option("--model <glob>", "only for these models: '*opus*'")
    .option("--failed", "only what failed or was truncated")
    .option("--json", "print JSON, a line for each request")
    .addHelpText(
      "after",
      `
The newest is last. It reads the database: no relay needs to run. In a pipe, one
line per request, tab-separated: time, id, client, model, accounts, status,
outcome, first byte and total in ms, tokens, USD.

Examples:
  $ cc-relay log --follow
  $ cc-relay log --failed --since 24h
  $ cc-relay log 1a2b3c4d`,
    )
    .action((id: string | undefined, { follow, failed, json, ...flags }: Flags) =>
      run(context, {
        ...flags,
        id,
        follow: follow ?? false,
        failed: failed ?? false,
        json: json ?? false,
      }),
    );
}

const maxLimit = 100_000;

function readLimit(text: string): number {
  const limit = Number(text);
  if (/^\d{1,6}$/.test(text) && limit <= maxLimit) return limit;
  throw new InvalidArgumentError(`a number from 0 to ${maxLimit}.`);
}

async function runLog(context: CommandContext, options: LogOptions): Promise<void> {
  if (options.id !== undefined) return showOne(context, options.id, options);
  const config = await context.loadConfig({ missingVariables: "warning" });
  const filter = filterOf(options, context.clock());
  const { limit } = options;
  if (options.follow) return followLog(context, { ...options, filter, path: config.server.databasePath });
  const records = await lookInStore(config, ({ requests }) => requests.last({ ...filter, limit }));
  const { stdout, stderr } = context.out;
  const documents = records.reverse().map(toRequestDocument);
  if (documents.length === 0 && !options.json) {
    const next = hasFilter(options)
      ? toRun("see every request", "cc-relay log")
      : {
          instruction: "what goes through the relay is listed; to start it, run:",
          command: "cc-relay serve",
        };
    return stderr.write(`no requests\n  - ${fixTextHere(next, context)}\n`);
  }
  const printer = createPrinter(stdout, { json: options.json, first: documents, now: context.clock });
  stdout.write(printer.header + documents.map(printer.line).join(""));
}

function filterOf({ since, account, client, model, failed }: LogOptions, now: number): RequestFilter {
  return {
    since: since === undefined ? undefined : readPeriod({ since, until: undefined }, now).since,
    account,
    client,
    model,
    failed,
  };
}

function hasFilter({ since, account, client, model, failed }: LogOptions): boolean {
  return failed || [since, account, client, model].some((value) => value !== undefined);
}

async function followLog(
  { out: { stdout, stderr }, clock }: CommandContext,
  { filter, limit, path, json }: LogOptions & { filter: RequestFilter; path: string },
): Promise<void> {
  let printer: Printer | undefined;
  await followRequests({
    ...{ path, filter, limit, isOver: () => stdout.isGone() },
    onWaiting: () => stderr.write("there is no database yet: waiting for the first relay to make it\n"),
    onRecords(records: RequestRecord[]) {
      const documents = records.map(toRequestDocument);
      const isFirst = printer === undefined;
      printer ??= createPrinter(stdout, { json, first: documents, now: clock });
      const text = (isFirst ? printer.header : "") + documents.map(printer.line).join("");
      if (text !== "") stdout.write(text);
    },
  });
}

interface Printer {
  header: string;
  line(request: RequestDocument): string;
}

interface PrinterOptions {
  json: boolean;
  /** What is printed first; the columns of a terminal are made for it. */
  first: readonly RequestDocument[];
  now: () => number;
}

function createPrinter(screen: Screen, { json, first, now }: PrinterOptions): Printer {
  if (json) return { header: "", line: (request) => toJsonText(request, { indented: false }) };
  if (!screen.isTerminal) return { header: "", line: (request) => `${requestTabs(request)}\n` };
  const today = dayName(now());
  const withDays = first.some(({ time }) => dayName(Date.parse(time)) !== today);
  const table = createRequestTable({ columns: columnsFor(screen.width), screen, withDays, known: first });
  return { header: `${table.header}\n`, line: (request) => `${table.row(request, now())}\n` };
}

function columnsFor(width: number): readonly RequestColumn[] {
  if (width < 70) return ["time", "id", "model", "accounts", "result"];
  if (width < 100) return ["time", "id", "model", "accounts", "result", "total"];
  if (width < 120) return ["time", "id", "client", "model", "accounts", "result", "total", "tokens"];
  const wide = ["time", "id", "client", "model", "accounts", "result", "total", "tokens", "cost"] as const;
  // Before the first byte's time, the path over the accounts has to have room.
  return width < 130 ? wide : [...wide.slice(0, 6), "first", ...wide.slice(6)];
}

async function showOne(context: CommandContext, id: string, { json }: LogOptions): Promise<void> {
  const config = await context.loadConfig({ missingVariables: "warning" });
  const found = await lookInStore(config, ({ requests }) => findRequest(requests, id));
  if (found === undefined) {
    throw new UserError(`no request ${shown(id).slice(0, 60)} is in the database`, {
      fix: toRun("see the last ones with their ids", "cc-relay log"),
    });
  }
  const { stdout } = context.out;
  if (json) return stdout.write(toJsonText(found, { indented: false }));
  if (!stdout.isTerminal) return stdout.write(requestDetailFields(found));
  const lines = requestDetailLines(found, stdout, context.clock());
  stdout.write(lines.map((line) => `${line}\n`).join(""));
}

/** So many of the last requests are looked through for a short id. */
const maxSearched = 5000;

async function findRequest(requests: RequestLog, id: string): Promise<RequestDetailDocument | undefined> {
  const found = await requests.find(id);
  if (found !== undefined) return toRequestDetail(found);
  if (!/^[0-9a-f]{8}$/.test(id)) return undefined;
  const last = await requests.last({ limit: maxSearched });
  const whole = last.find((request) => shortId(request.id) === id);
  const detail = whole && (await requests.find(whole.id));
  return detail && toRequestDetail(detail);
}
