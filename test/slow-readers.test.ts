// Holds every reader of a provider's or a client's text to 50 ms for 256 KB of the worst text that is known.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AccountType } from "../src/domain/family.ts";
import { matchesModel, modelScope } from "../src/domain/model-scope.ts";
import { readRetryAfter } from "../src/network/retry-after.ts";
import { readTokenAnswer } from "../src/oauth/token-answer.ts";
import { redact } from "../src/text/redact.ts";
import { accountKinds } from "../src/upstreams/kinds.ts";
import { reasonFrom } from "../src/upstreams/reason.ts";
import { parseDuration, parseInstant, waitInText } from "../src/upstreams/times.ts";
import { inErrors, pieces, repeated, textBytes } from "./support/worst-texts.ts";
import { geminiCall, makeCall, now, openaiCall } from "./upstreams/make-call.ts";

const maxMs = 50;
/** What is at most quadratic shows in a part of a text how long all of it takes; only where that may be too long is more read. */
const sizes = [textBytes / 16, textBytes / 4, textBytes];

/** Plain, as the message of an error, as its type and code, and as text behind an error. */
const forms: readonly [string, (text: string) => string][] = [
  ["plain", (text) => text],
  ["message", (text) => JSON.stringify({ error: { message: text, status: "RESOURCE_EXHAUSTED" } })],
  ["code", (text) => JSON.stringify({ error: { type: text, code: text, status: text, message: "" } })],
  ["string", (text) => JSON.stringify({ error: text, error_description: text, detail: text })],
  ["wrapped", (text) => JSON.stringify({ error: { message: JSON.stringify({ error: { message: text } }) } })],
  [
    "details",
    (text) =>
      JSON.stringify({
        error: {
          details: [
            { "@type": `x.ErrorInfo`, reason: text, metadata: { quotaResetDelay: text, model: text } },
          ],
        },
      }),
  ],
];

const callOf = { claude: makeCall, gemini: geminiCall, openai: openaiCall };

type Reader = (text: string) => unknown;

const readers: [string, Reader][] = [
  ["redact", (text) => redact(text, ["some-secret"])],
  ["reasonFrom", (text) => reasonFrom([text], "x")],
  ["modelScope", (text) => [modelScope("claude", text), modelScope("openai", text)]],
  ["matchesModel", (text) => matchesModel(["*a*a*a*b*", "*opus*"], text)],
  ["parseDuration", parseDuration],
  ["parseInstant", parseInstant],
  ["waitInText", (text) => waitInText(text, /try again in\s/i, now)],
  ["readRetryAfter", (text) => readRetryAfter({ "retry-after": text, "retry-after-ms": text }, now)],
  ...([200, 400, 429] as const).map((status): [string, Reader] => [
    `readTokenAnswer ${status}`,
    (text) => readTokenAnswer({ status, retryAfter: text.slice(0, 1000) }, text, now),
  ]),
];

for (const type of Object.keys(accountKinds) as AccountType[]) {
  const upstream = accountKinds[type].upstream;
  for (const family of ["claude", "gemini", "openai"] as const) {
    // A client's own credential is read by the same upstreams.
    if (type === "client" || accountKinds[type].family !== family) continue;
    const call = callOf[family]();
    for (const status of [403, 429]) {
      for (const contentType of ["application/json", "text/html"]) {
        const head = { status, headers: { "content-type": contentType, "retry-after": "x" } };
        readers.push([
          `${type} ${family} ${status} ${contentType}`,
          (text) => upstream.readFailure(head, Buffer.from(text), call, now),
        ]);
      }
    }
  }
}

/** Of this thread's work alone, and the shortest of three: neither another program's turn nor a garbage collection counts. */
function measure(work: () => unknown, enoughMs: number): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 3 && shortest > enoughMs; turn++) {
    const begun = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(begun);
    shortest = Math.min(shortest, (user + system) / 1000);
  }
  return shortest;
}

/** In ms, for all of the text. */
function longestReading(
  read: Reader,
  { bare, wrap }: { bare: string; wrap: (text: string) => string },
): number {
  let ms = 0;
  for (const length of sizes) {
    const text = wrap(bare.slice(0, length)).slice(0, length);
    const growth = (textBytes / length) ** 2;
    ms = measure(() => read(text), maxMs / growth) * growth;
    if (ms <= maxMs) break;
  }
  return ms;
}

describe("256 KB of the worst text are read within 50 ms", () => {
  const texts = forms.flatMap(([form, wrap]) =>
    pieces
      .filter((piece) => form === "plain" || inErrors.has(piece))
      .map((piece) => {
        const bare = repeated(piece);
        return { name: `${form} of ${JSON.stringify(piece)}`, bare, wrap };
      }),
  );
  for (const [name, read] of readers) {
    it(name, () => {
      const slow = texts.flatMap(({ name, ...text }) => {
        const ms = longestReading(read, text);
        return ms > maxMs ? [`${name}: ${Math.round(ms)} ms`] : [];
      });
      assert.deepEqual(slow, []);
    });
  }
});
