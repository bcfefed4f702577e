// Holds what reads text from a provider, a client or a page to 50 ms for 256 KB of the worst that is known: every exported function,
// answers as they come, requests, and the log's lines. `node test/hostile/readers.hostile.ts`; in the long form only.

import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { matchRoute } from "../../src/dialects/registry.ts";
import type { Call } from "../../src/domain/call.ts";
import type { AccountType } from "../../src/domain/family.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { accountKinds } from "../../src/upstreams/kinds.ts";
import { exempt, folders } from "../support/called-readers.ts";
import { argumentsOf, exportedReaders, type Input } from "../support/exported-readers.ts";
import { isTooSlow, readingMs } from "../support/reading-time.ts";
import { worstInputs } from "../support/worst-texts.ts";
import { geminiCall, makeCall, openaiCall } from "../upstreams/make-call.ts";

const isShort = process.argv.includes("--short");
const exported = isShort ? [] : exportedReaders(folders);

describe("256 KB of the worst text are read within 50 ms by the exported functions", () => {
  let inputs: (Input & { name: string })[] = [];
  before(() => {
    inputs = worstInputs();
  });
  for (const reader of exported) {
    const makeArguments = exempt[reader.id] === undefined ? argumentsOf(reader) : undefined;
    if (makeArguments === undefined) continue;
    it(reader.id, async () => {
      const loaded = (await import(join(import.meta.dirname, "../../src", reader.file))) as Record<
        string,
        unknown
      >;
      const read = loaded[reader.name];
      assert.ok(typeof read === "function");
      const slow = inputs.flatMap((input) => {
        const ms = readingMs(
          () => makeArguments(input),
          (given) => read(...given),
        );
        return isTooSlow(ms) ? [`${input.name}: ${Math.round(ms)} ms`] : [];
      });
      assert.deepEqual(slow, []);
    });
  }
});

const pieceBytes = 64;
const callOf = { claude: makeCall, gemini: geminiCall, openai: openaiCall };

const readers: [string, (text: string) => unknown][] = [];

for (const type of Object.keys(accountKinds) as AccountType[]) {
  const { family } = accountKinds[type];
  if (family === undefined) continue;
  const { upstream } = accountKinds[type];
  const calls: [string, Partial<Call>][] = [
    ["a stream", { stream: true, streamForm: "sse" }],
    ["a document", { stream: false }],
    ["a list of models", { operation: "list-models", method: "GET", body: undefined }],
    ["a count", { operation: "count-tokens" }],
  ];
  for (const [what, parts] of calls) {
    const call = callOf[family](parts);
    readers.push([
      `what ${type} answers, ${what}`,
      (text) => {
        const observer = upstream.observe(call);
        observer.push(Buffer.from(text));
        observer.end();
      },
    ]);
    readers.push([
      `what ${type} answers, ${what} in pieces`,
      (text) => {
        const observer = upstream.observe(call);
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += pieceBytes)
          observer.push(bytes.subarray(at, at + pieceBytes));
        observer.end();
      },
    ]);
  }
}

const routes = [
  ["POST", "/v1/messages"],
  ["POST", "/v1/messages/count_tokens"],
  ["POST", "/v1beta/models/gemini-2.5-pro:streamGenerateContent"],
  ["POST", "/v1/responses"],
  ["POST", "/v1/chat/completions"],
  ["POST", "/v1internal:generateContent"],
] as const;

for (const [method, path] of routes) {
  const matched = matchRoute(method, path);
  assert.ok(matched, path);
  const { dialect, route } = matched;
  const read = (text: string) =>
    dialect.read(route, {
      headers: { "content-type": "application/json" },
      query: "",
      body: Buffer.from(text),
    });
  readers.push([`a request to ${path}`, read]);
  readers.push([
    `the query of ${path}`,
    (text) => dialect.read(route, { headers: {}, query: `?${text}`, body: undefined }),
  ]);
  if (dialect.opensTurn)
    readers.push([`whether ${path} opens a turn`, (text) => dialect.opensTurn?.(Buffer.from(text))]);
  if (dialect.mergeModels)
    readers.push([`lists of ${dialect.name}`, (text) => dialect.mergeModels?.([Buffer.from(text)])]);
}

const log = createLog({
  level: "info",
  pretty: false,
  secrets: () => ["some-secret-of-ours"],
  destination: { write() {} },
});
readers.push(["a line of the log", (text) => log.info({ reason: text }, text.slice(0, 100))]);

describe("256 KB of the worst text are read within 50 ms as they come", () => {
  let inputs: (Input & { name: string })[] = [];
  before(() => {
    inputs = worstInputs();
  });
  for (const [name, read] of isShort ? [] : readers) {
    it(name, () => {
      const slow = inputs.flatMap(({ name, text }) => {
        const ms = readingMs(
          () => text,
          (given) => read(given),
        );
        return isTooSlow(ms) ? [`${name}: ${Math.round(ms)} ms`] : [];
      });
      assert.deepEqual(slow, []);
    });
  }
});
