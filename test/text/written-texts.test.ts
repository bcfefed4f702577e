// Holds what writes the texts of providers and clients down, for a screen, a page, a notification or a spreadsheet, to 50 ms for 256 KB
// of the worst text, and what lays them out on a terminal to 30 ms.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { notifyEvents } from "../../src/config/config.ts";
import { toUsageCsv } from "../../src/documents/usage.ts";
import { createNoticeFinder } from "../../src/notify/notices.ts";
import { writeNotice } from "../../src/notify/send.ts";
import { callbackPage } from "../../src/oauth/callback-server.ts";
import type { UsageSummaryRow } from "../../src/store/usage-store.ts";
import { renderTable } from "../../src/terminal/table.ts";
import { breakLines, displayWidth, singleLine, truncate, wrap } from "../../src/terminal/width.ts";
import { redact } from "../../src/text/redact.ts";
import { noTokens } from "../../src/usage/observer.ts";
import { patient } from "../support/patience.ts";
import { repeated } from "../support/worst-texts.ts";
import { fakeScreen } from "../terminal/support.ts";

const plain = ["x", " ", "x "];
const wide = [
  "\u{1f600}",
  "\u{1f600} ",
  "\u6f22 ",
  "e\u0301",
  "\u200b",
  "\u{1f468}\u200d\u{1f469}",
  "\u{1f1e9}\u{1f1ea}",
];
const row = (key: string): UsageSummaryRow => ({
  key,
  requests: 1,
  errors: 0,
  tokens: noTokens,
  costUsd: undefined,
  unpriced: 0,
});

function notice(reason: string): unknown {
  const rules = { events: notifyEvents, afterMs: 0, quietMs: 0, windowThreshold: 0.9 };
  const status = { state: "needs-login", reason, until: undefined } as const;
  const accounts = [{ id: "a", family: "claude", status, windows: [] } as const];
  const notices = createNoticeFinder(rules).look({ accounts, storage: { kind: "disk" } }, 0);
  return notices.map((each) => writeNotice(each, 0, (text) => redact(text, ["some-secret"])));
}

const table = (text: string) =>
  renderTable({ columns: [{ title: "A" }, { title: "B" }], rows: [[text, "b"]] }, fakeScreen({ width: 80 }));

const onTerminal = [...plain, ...wide];
const writers: [name: string, maxMs: number, pieces: string[], write: (text: string) => unknown][] = [
  ["displayWidth", 30, onTerminal, displayWidth],
  ["truncate", 30, onTerminal, (text) => truncate(text, 40)],
  ["wrap", 30, onTerminal, (text) => wrap(text, 40)],
  ["breakLines", 30, onTerminal, (text) => breakLines(text, 40)],
  ["singleLine", 50, [" ", "\u001b[", "a\n"], singleLine],
  ["a table", 50, ["\u{1f600} ", "\u001b["], table],
  ["the page that ends a login", 50, ["<", '&"'], (text) => callbackPage(200, "Not logged in", text)],
  ["a notification", 50, ['"', "\u001b[", "sk-", "eyJaaaaaaaa.", "://"], notice],
  ["a CSV", 50, ['"', "a\n", "\u202e"], (text) => toUsageCsv({ rows: [row(text)], total: row("") })],
];

describe("256 KB of the worst text are written down without delay", () => {
  for (const [name, maxMs, pieces, write] of writers) {
    it(name, () => {
      const slow = pieces.flatMap((piece) => {
        const text = repeated(piece);
        const ms = shortestMs(() => write(text), maxMs);
        return ms > maxMs ? [`${JSON.stringify(piece)}: ${Math.round(ms)} ms`] : [];
      });
      assert.deepEqual(slow, []);
    });
  }
});

/** Of this thread's work, of three times at most: a collection of garbage may fall into one. */
function shortestMs(work: () => unknown, maxMs: number): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 3 && shortest > maxMs; turn++) {
    const begun = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(begun);
    shortest = Math.min(shortest, (user + system) / 1000);
  }
  return (shortest * maxMs) / patient(maxMs);
}
