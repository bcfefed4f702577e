// Foreign text on a terminal, in a log line and in the columns of a pipe.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "../../src/telemetry/log.ts";
import { createStyle } from "../../src/terminal/style.ts";
import { renderTable } from "../../src/terminal/table.ts";
import { replaceControls, toJsonText } from "../../src/text/control-characters.ts";

const hostile = "a\u001b[31mb\u009b2Jc\u202ed\u2066e\u2028f\tg\nh\u061ci";
const acting = /[^\P{Cc}\n]|[\p{Bidi_Control}\u2028\u2029]/u;

test("what acts instead of being shown becomes a space, a run of it one; nothing else changes", () => {
  assert.equal(replaceControls(hostile), "a [31mb 2Jc d e f g h i");
  assert.equal(replaceControls(hostile, "?"), "a?[31mb?2Jc?d?e?f?g?h?i");
  for (const text of ["\u00e9\u00e8", "\u05e9\u05dc\u05d5\u05dd", "\ud83d\udc69\u200d\ud83d\udcbb", "a b"])
    assert.equal(replaceControls(text), text);
});

test("none of it reaches a terminal's log line, a table or a pipe's columns", () => {
  let logged = "";
  const log = createLog({ level: "info", pretty: true, destination: { write: (text) => (logged += text) } });
  log.info({ model: hostile, list: [hostile] }, hostile);
  assert.doesNotMatch(logged, acting);
  for (const isTerminal of [true, false]) {
    const screen = { isTerminal, width: 200, style: createStyle(false), unicode: true };
    const text = renderTable({ columns: [{ title: "A" }, { title: "B" }], rows: [[hostile, "x"]] }, screen);
    assert.doesNotMatch(text.replaceAll(/\t(?=x\n)/g, ""), acting);
  }
});

test("JSON carries all of it in escapes: log lines and what --json prints read the same and hold none", () => {
  let logged = "";
  const log = createLog({ level: "info", pretty: false, destination: { write: (text) => (logged += text) } });
  log.info({ [hostile]: hostile, list: [`${hostile}\u007f`] }, hostile);
  assert.match(logged, /\\u001b.*\\u009b.*\\u202e.*\\u2066.*\\u2028.*\\u061c.*\\u007f/);
  const document = { [hostile]: [hostile, "\u00e9 \ud83d\udc69\u200d\ud83d\udcbb"] };
  for (const text of [
    logged,
    toJsonText(document, { indented: false }),
    toJsonText(document, { indented: true }),
  ])
    assert.doesNotMatch(text, acting);
  assert.equal(JSON.parse(logged).msg, hostile);
  assert.deepEqual(JSON.parse(toJsonText(document, { indented: true })), document);
  assert.match(toJsonText(document, { indented: false }), /é 👩/);
});
