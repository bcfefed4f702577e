// Reads a provider's text: its beginning, where known sentences are looked for, and the reason of a failure made of it, one short line
// without anything secret.

import { censored, redact } from "../text/redact.ts";

const maxLength = 200;

/** The first text that says anything, fit for a person's screen and for a log; `fallback` when none does. */
export function reasonFrom(texts: readonly (string | undefined)[], fallback: string): string {
  for (const text of texts) {
    const line = oneLine(text ?? "");
    if (line !== "") return shorten(removeTokens(redact(line)));
  }
  return fallback;
}

function oneLine(text: string): string {
  // Only the beginning is shown, so only the beginning is worked on.
  return text
    .slice(0, 20 * maxLength)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
}

function shorten(line: string): string {
  const characters = [...line];
  return characters.length <= maxLength ? line : `${characters.slice(0, maxLength - 1).join("")}…`;
}

/** "Incorrect API key provided: X": whatever X looks like, it is the key. */
const named =
  /(?<![A-Za-z])((?:(?:api)?key|token|secret|password)(?: provided| value)?["'`]?\s*[:=]\s*["'`]?)[^\s"'`,;]{4,}/gi;

/** Ids of requests, organisations and the like look like keys, open nothing, and help to find the fault. */
const harmless = /^(?:req|resp|msg|org|proj|file)[_-]/;

function removeTokens(line: string): string {
  return line
    .replace(named, `$1${censored}`)
    .replace(/[A-Za-z0-9_-]{20,}/g, (run) => (!harmless.test(run) && isOpaque(run) ? censored : run));
}

/** A long piece that changes between letters and figures again and again is neither text nor a model's name. */
function isOpaque(run: string): boolean {
  return run
    .split(/[-_]/)
    .some((part) => part.length >= 20 && (part.match(/[A-Za-z](?=\d)|\d(?=[A-Za-z])/g)?.length ?? 0) >= 4);
}

const maxWords = 4096;

/**
 * The beginning of a text, which is all that rules about wording look at: an error that says something says it early, and no
 * text may be so long that reading it holds other clients up.
 */
export function firstWords(text: string): string {
  return text.length <= maxWords ? text : text.slice(0, maxWords);
}
