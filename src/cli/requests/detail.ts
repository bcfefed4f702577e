// One request with each of its attempts, as a person reads it.

import type { AttemptDocument, RequestDetailDocument, RequestDocument } from "../../documents/types.ts";
import type { Screen } from "../../terminal/output.ts";
import { type Style, sign, type Verdict } from "../../terminal/style.ts";
import { type Cell, renderTable } from "../../terminal/table.ts";
import { breakLines, truncate, wrap } from "../../terminal/width.ts";
import { count, elapsed, relativeTime, usd } from "../../text/format.ts";
import { clockSeconds } from "../../time/local-time.ts";
import { modelText, pathText, rateText, shown, tokenRate } from "./columns.ts";

type DetailScreen = Pick<Screen, "width" | "style" | "unicode">;

/** @param attempts undefined where nobody knows them; of one that runs those that have ended. */
export function requestDetailLines(
  request: RequestDocument & { attempts: readonly AttemptDocument[] | undefined },
  screen: DetailScreen,
  now: number,
): string[] {
  const facts = factsOf(request, screen, now).flatMap(([name, text]) =>
    breakLines(text, Math.max(20, screen.width - indent - 2)).map((line, index) =>
      truncate(`  ${(index === 0 ? name : "").padEnd(indent - 2)}  ${line}`, screen.width, screen.unicode),
    ),
  );
  return [
    screen.style.bold(truncate(shown(request.id), screen.width, screen.unicode)),
    `  ${signOf(request, screen)} ${truncate(verdictText(request), screen.width - 4, screen.unicode)}`,
    ...facts,
    "",
    ...attemptLines(request, screen),
  ];
}

const indent = 10;

function signOf(request: RequestDocument, screen: DetailScreen): string {
  if (request.outcome === null) return screen.style.cyan(screen.unicode ? "…" : "~");
  return sign(verdictOf(request), screen);
}

function verdictOf({ outcome, status }: RequestDocument): Verdict {
  if (outcome === "failed" || outcome === "truncated") return "fail";
  return outcome === "aborted" || (status ?? 0) >= 400 ? "warn" : "ok";
}

function verdictText({ outcome, status, account, first_byte_ms }: RequestDocument): string {
  const by = account === null || account === "(none)" ? "" : ` ${shown(account)}`;
  switch (outcome) {
    case null:
      return first_byte_ms === null ? `waiting for${by || " an account"}` : `being answered by${by}`;
    case "complete":
      return `answered ${status} by${by}`;
    case "truncated":
      return `truncated: the answer of${by} was not whole`;
    case "aborted":
      return "aborted: the client left";
    case "moved":
      return "moved: the client sends the whole conversation again";
    default:
      return by === "" ? `failed ${status}: no account answered` : `failed ${status} on${by}`;
  }
}

function factsOf(request: RequestDocument, { unicode }: DetailScreen, now: number): [string, string][] {
  const { time, client, path, route, first_byte_ms, total_ms, tokens, outcome, cost_usd } = request;
  const at = Date.parse(time);
  const rate = tokenRate(request);
  const took = [
    first_byte_ms === null ? [] : [`first byte after ${elapsed(first_byte_ms)}`],
    total_ms === null
      ? [`running for ${elapsed(Math.max(0, now - at))}`]
      : [`ended after ${elapsed(total_ms)}`],
    rate === undefined ? [] : [rateText(rate)],
  ].flat();
  const facts: [string, string][] = [
    ["time", `${clockSeconds(at, now)} (${relativeTime(at, now)})`],
    ["client", shown(client)],
    ["model", modelText(request)],
    ["route", shown(route)],
    ["accounts", path.length === 0 ? "(none)" : pathText(path, { unicode })],
    ["took", took.join(", ")],
  ];
  if (tokens !== null) facts.push(["tokens", tokensText(tokens)]);
  else if (outcome !== null) facts.push(["tokens", "unknown"]);
  if (outcome !== null) facts.push(["cost", usd(cost_usd ?? undefined)]);
  return facts;
}

function tokensText(tokens: NonNullable<RequestDocument["tokens"]>): string {
  const { input, output, reasoning, cache_creation, cache_read } = tokens;
  return [
    `${count(input)} input`,
    `${count(output)} output${reasoning > 0 ? ` (${count(reasoning)} reasoning)` : ""}`,
    ...(cache_creation > 0 ? [`${count(cache_creation)} written to cache`] : []),
    ...(cache_read > 0 ? [`${count(cache_read)} read from cache`] : []),
  ].join(", ");
}

function attemptLines(
  request: RequestDocument & { attempts: readonly AttemptDocument[] | undefined },
  screen: DetailScreen,
): string[] {
  const { attempts, outcome } = request;
  if (attempts === undefined) return ["  its attempts are not known"];
  if (attempts.length === 0)
    return [outcome === null ? "  no attempt has failed so far" : "  one attempt, and nothing failed"];
  const rows = attempts.map(({ account, status, class: kind, next, ms }, index): Cell[] => [
    { text: String(index + 1) },
    { text: shown(account) },
    { text: status === null ? "-" : String(status) },
    { text: shown(kind), paint: (style) => (kind === "answered" ? style.green : style.yellow) },
    { text: shown(next) },
    { text: ms === null ? "" : elapsed(ms) },
  ]);
  if (isAsking(request)) {
    const asked = { text: "being asked", paint: (style: Style) => style.cyan };
    rows.push([
      { text: String(rows.length + 1) },
      { text: shown(request.account ?? "") },
      { text: "" },
      asked,
    ]);
  }
  const text = renderTable(
    {
      columns: [
        { title: "#", align: "right" },
        { title: "ACCOUNT", shrink: 2 },
        { title: "STATUS" },
        { title: "CLASSIFIED AS", shrink: 3 },
        { title: "THEN", shrink: 1 },
        { title: "AFTER", align: "right" },
      ],
      rows,
    },
    { ...screen, width: screen.width - 2, isTerminal: true },
  );
  const [header = "", ...lines] = text.trimEnd().split("\n");
  return [header, ...lines.flatMap((line, index) => [line, ...reasonLines(attempts[index], screen)])].map(
    (line) => `  ${line}`,
  );
}

/** The last attempt has ended, and another one has begun. */
function isAsking({
  outcome,
  attempts,
}: {
  outcome: string | null;
  attempts?: readonly AttemptDocument[] | undefined;
}) {
  const next = attempts?.at(-1)?.next;
  return outcome === null && (next === "next account" || next === "same account");
}

/** Below the attempt, under the name of its account. */
function reasonLines(
  attempt: AttemptDocument | undefined,
  { width, style, unicode }: DetailScreen,
): string[] {
  if (attempt === undefined || attempt.reason === null) return [];
  const lines = wrap(shown(attempt.reason), width - 5, unicode);
  return lines.map((line) => `   ${style.dim(line)}`);
}

/** What `log ID` prints where no person reads: name and value, then each attempt, separated by tabs. */
export function requestDetailFields(request: RequestDetailDocument): string {
  const { attempts, path, tokens, ...fields } = request;
  const rows: (readonly (string | number | null)[])[] = [
    ...Object.entries(fields),
    ["path", path.join(",")],
    ...Object.entries(tokens ?? {}).map(([name, value]) => [`tokens_${name}`, value]),
    ...attempts.map(({ account, status, class: kind, next, ms, reason }) => [
      ...["attempt", account, status, kind, next, ms, reason],
    ]),
  ];
  return rows.map((row) => `${row.map((field) => shown(String(field ?? ""))).join("\t")}\n`).join("");
}
