// One request in short words, for the columns of `log`, `top` and the log of `serve`.

import type { RequestDocument, TokensDocument } from "../../documents/types.ts";
import { plainUsd } from "../../documents/usage.ts";
import type { Style } from "../../terminal/style.ts";
import { displayWidth, truncate } from "../../terminal/width.ts";
import { replaceControls } from "../../text/control-characters.ts";
import { count } from "../../text/format.ts";

/** Names that came from outside, on one line and without characters that act. */
export function shown(text: string): string {
  return replaceControls(text, "\ufffd").trim();
}

type Models = Pick<RequestDocument, "model" | "sent_model">;

export function modelText({ model, sent_model }: Models): string {
  const asked = model === "" ? "(none)" : shown(model);
  return sent_model === null ? asked : `${asked}${sentAs}${shown(sent_model)}`;
}

/** Both names, shortened where they do not fit; the asked one alone where nothing of them could be recognised. */
export function modelTextWithin(
  models: Models,
  { width, unicode }: { width: number; unicode: boolean },
): string {
  const whole = modelText(models);
  if (models.sent_model === null || displayWidth(whole) <= width) return whole;
  const [asked, sent] = [modelText({ ...models, sent_model: null }), shown(models.sent_model)];
  const room = width - sentAs.length;
  if (room < 2 * minShortened) return asked;
  const half = Math.floor(room / 2);
  const askedWidth = Math.max(half, room - displayWidth(sent));
  const askedText = truncate(asked, askedWidth, unicode);
  return `${askedText}${sentAs}${truncate(sent, room - displayWidth(askedText), unicode)}`;
}

const sentAs = " as ";
/** Columns: less of a model's name is that of many. */
const minShortened = 8;

/** `home → work`; without the ones before the last where that does not fit: `… → work`. */
export function pathText(
  path: readonly string[],
  { width = Number.POSITIVE_INFINITY, unicode }: { width?: number; unicode: boolean },
): string {
  const arrow = unicode ? " → " : " > ";
  const names = path.map(shown);
  const whole = names.join(arrow);
  if (names.length < 2 || displayWidth(whole) <= width) return whole;
  return `${unicode ? "…" : ".."}${arrow}${names.at(-1)}`;
}

/** `200`, `truncated`, `failed 429`; of a running one whether its answer has begun. */
export function resultText({
  outcome,
  status,
  first_byte_ms,
}: Pick<RequestDocument, "outcome" | "status" | "first_byte_ms">): string {
  switch (outcome) {
    case null:
      return first_byte_ms === null ? "waiting" : "answering";
    case "complete":
      return String(status);
    case "failed":
      return `failed ${status}`;
    default:
      return outcome;
  }
}

export function resultPaint({
  outcome,
  status,
}: Pick<RequestDocument, "outcome" | "status">): ((style: Style) => (text: string) => string) | undefined {
  if (outcome === null) return (style) => style.cyan;
  if (outcome === "failed" || outcome === "truncated") return (style) => style.red;
  return outcome === "aborted" || (status ?? 0) >= 400 ? (style) => style.yellow : undefined;
}

export function allTokens({ input, output, cache_creation, cache_read }: TokensDocument): number {
  return input + output + cache_creation + cache_read;
}

/** Output tokens a second, from the first byte on; undefined where that says nothing. */
export function tokenRate({
  tokens,
  first_byte_ms,
  total_ms,
}: Pick<RequestDocument, "tokens" | "first_byte_ms" | "total_ms">): number | undefined {
  if (tokens === null || first_byte_ms === null || total_ms === null || tokens.output === 0) return undefined;
  const ms = total_ms - first_byte_ms;
  return ms < 50 ? undefined : (tokens.output * 1000) / ms;
}

export function rateText(rate: number): string {
  const rounded = Math.round(rate);
  return `${count(rounded)} ${rounded === 1 ? "token" : "tokens"} a second`;
}

/** The part of an id that distinguishes requests, and that `log` takes for the whole: eight letters. */
export function shortId(id: string): string {
  return /^[0-9a-z]+-([0-9a-f]{8})-[0-9a-f]+$/.exec(id)?.[1] ?? id;
}

/** One request for programs: time, id, client, model, accounts, status, outcome, first byte, total, tokens, USD. */
export function requestTabs(request: RequestDocument): string {
  const { time, id, client, path, status, outcome, first_byte_ms, total_ms, tokens, cost_usd } = request;
  const model = request.sent_model === null ? request.model : modelText(request);
  const fields = [
    ...[time, id, client, model, path.join(","), status, outcome, first_byte_ms, total_ms],
    tokens === null ? outcome && "unknown" : allTokens(tokens),
    outcome === null ? null : plainUsd(cost_usd ?? undefined),
  ];
  return fields.map((field) => shown(String(field ?? ""))).join("\t");
}
