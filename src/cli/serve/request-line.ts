// Requests and their failed attempts in the log of `serve` on a terminal: a line each, that fits 100 columns. JSON lines keep
// every field.

import type { RequestDocument } from "../../documents/types.ts";
import type { LogEntry } from "../../telemetry/log.ts";
import type { Screen } from "../../terminal/output.ts";
import { truncate } from "../../terminal/width.ts";
import { clockTime } from "../../time/local-time.ts";
import { shortId, shown } from "../requests/columns.ts";
import { createRequestTable, type RequestColumn } from "../requests/table.ts";

const maxWidth = 100;
/** The columns are made for the last ones, so that they seldom move. */
const maxKnown = 50;
/** `14:03:21 info  ` */
const headWidth = 15;

/** Undefined for every entry that speaks of no request. */
export function createRequestLine(
  screen: Pick<Screen, "width" | "style" | "unicode">,
  now: () => number,
): (entry: LogEntry) => string | undefined {
  let known: RequestDocument[] = [];
  return (entry) => {
    const width = Math.min(maxWidth, screen.width) - headWidth;
    if (entry.msg === "attempt failed") return truncate(attemptText(entry, now()), width, screen.unicode);
    if (entry.msg !== "request") return undefined;
    const { style, unicode } = screen;
    const request = toDocument(entry);
    known = [...known.slice(1 - maxKnown), request];
    const columns = columnsFor(entry);
    const table = createRequestTable({ columns, screen: { width, style, unicode }, known });
    return table.row(request, now());
  };
}

/** `0a0a0a0a  home: rate-limited (429) until 16:14, next account: what the provider said` */
function attemptText(
  { request, account, failure, status, until, next, reason }: LogEntry,
  now: number,
): string {
  const answered = status === undefined ? "" : ` (${status})`;
  const back = until === undefined ? "" : ` until ${clockTime(Date.parse(String(until)), now)}`;
  const said = reason === undefined ? "" : `: ${reason}`;
  return shown(`${shortId(String(request))}  ${account}: ${failure}${answered}${back}, ${next}${said}`);
}

/** Without keys every client has the same name; where they have their own, it is worth more than the tokens. */
function columnsFor({ client }: LogEntry): readonly RequestColumn[] {
  return client === "anonymous"
    ? ["id", "model", "accounts", "result", "total", "tokens"]
    : ["id", "client", "model", "accounts", "result", "total"];
}

/** What the line shows of a request; the rest of the document is not looked at. */
function toDocument(entry: LogEntry): RequestDocument {
  const text = (name: string) => (typeof entry[name] === "string" ? entry[name] : "");
  const figure = (name: string) => (typeof entry[name] === "number" ? entry[name] : 0);
  const account = text("account");
  const path = Array.isArray(entry.path) ? entry.path.map(String) : account === "(none)" ? [] : [account];
  return {
    ...{ id: text("request"), time: text("time"), client: text("client"), family: "", route: text("route") },
    ...{ model: text("model"), sent_model: text("sent_model") || null, account, path },
    ...{ status: figure("status"), outcome: text("outcome") },
    ...{ first_byte_ms: figure("first_byte_ms"), total_ms: figure("total_ms"), cost_usd: null },
    tokens:
      entry.input === undefined
        ? null
        : {
            ...{ input: figure("input"), output: figure("output"), reasoning: 0 },
            ...{ cache_creation: figure("cache_creation"), cache_read: figure("cache_read") },
          },
  };
}
