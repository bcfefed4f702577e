import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { renderTable, type Table } from "../../src/terminal/table.ts";
import { displayWidth } from "../../src/terminal/width.ts";
import { fakeScreen } from "./support.ts";

const accounts: Table = {
  columns: [
    { title: "ID" },
    { title: "STATE", shrink: 1 },
    { title: "REASON", shrink: 0 },
    { title: "TOKENS", align: "right" },
  ],
  rows: [
    ["claude-1", { text: "ready", paint: (style) => style.green }, "", { text: "1.2M", value: "1234567" }],
    [
      "claude-2",
      { text: "waiting, back in 2h 14m", value: "2026-11-22T14:14:00Z", paint: (style) => style.yellow },
      "the five hour window is used up, says the provider",
      { text: "950", value: "950" },
    ],
  ],
  total: ["total", "", "", { text: "1.2M", value: "1235517" }],
};

const render = (options: Parameters<typeof fakeScreen>[0], table = accounts) =>
  renderTable(table, fakeScreen(options));

describe("a table on a terminal", () => {
  it("has a header, aligned columns and a ruled total at 120 columns", () => {
    assert.equal(
      render({ width: 120 }),
      `ID        STATE                    REASON                                              TOKENS
claude-1  ready                                                                          1.2M
claude-2  waiting, back in 2h 14m  the five hour window is used up, says the provider     950
────────  ───────────────────────  ──────────────────────────────────────────────────  ──────
total                                                                                    1.2M
`,
    );
  });

  it("cuts the column that may give way first at 80 columns", () => {
    assert.equal(
      render({ width: 80 }),
      `ID        STATE                    REASON                                 TOKENS
claude-1  ready                                                             1.2M
claude-2  waiting, back in 2h 14m  the five hour window is used up, say…     950
────────  ───────────────────────  ─────────────────────────────────────  ──────
total                                                                       1.2M
`,
    );
  });

  it("puts titles of two lines above each other, the last line on the rows", () => {
    const table: Table = {
      columns: [{ title: "DAY" }, { title: "CACHE\nREAD", align: "right" }, { title: "CACHE\nWRITE" }],
      rows: [["Monday", "1", "22"]],
    };
    assert.equal(
      render({}, table),
      `        CACHE  CACHE
DAY      READ  WRITE
Monday      1  22
`,
    );
  });

  it("uses ASCII marks where the locale has no more", () => {
    assert.equal(
      render({ width: 60, unicode: false }),
      `ID        STATE                    REASON             TOKENS
claude-1  ready                                         1.2M
claude-2  waiting, back in 2h 14m  the five hour...      950
--------  -----------------------  -----------------  ------
total                                                   1.2M
`,
    );
  });

  it("paints the header and the cells without moving a column", () => {
    const painted = render({ width: 80, colour: true });
    assert.equal(
      painted.split("\n").slice(0, 2).join("\n"),
      "\u001b[1mID\u001b[22m        \u001b[1mSTATE\u001b[22m                    \u001b[1mREASON\u001b[22m                                 \u001b[1mTOKENS\u001b[22m\n" +
        "claude-1  \u001b[32mready\u001b[39m                                                             1.2M",
    );
    const escapes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g");
    assert.equal(painted.replace(escapes, ""), render({ width: 80 }));
  });

  it("counts wide characters twice and combining ones not at all", () => {
    const table: Table = {
      columns: [{ title: "NAME" }, { title: "N" }],
      rows: [
        ["日本語", "1"],
        ["e\u0301a", "2"],
        ["👍🏽", "3"],
      ],
    };
    assert.equal(render({}, table), "NAME    N\n日本語  1\ne\u0301a      2\n👍🏽      3\n");
  });

  it("lets no foreign text start a line or an escape sequence", () => {
    const table: Table = { columns: [{ title: "A" }], rows: [["x\n\u001b[31my\t\u0007z"]] };
    assert.equal(render({}, table), "A\nx [31my z\n");
  });

  it("never exceeds the width as long as every column keeps its least", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string(), fc.string(), fc.string()), { maxLength: 8 }),
        fc.integer({ min: 30, max: 140 }),
        (rows, width) => {
          const text = render(
            { width },
            { columns: [{ title: "ONE" }, { title: "TWO", shrink: 0 }, { title: "THREE" }], rows },
          );
          for (const line of text.split("\n")) assert.ok(displayWidth(line) <= width);
        },
      ),
    );
  });
});

describe("a table in a pipe", () => {
  it("is tab-separated values without header, rule or colour", () => {
    assert.equal(
      render({ isTerminal: false, width: 20, colour: true }),
      "claude-1\tready\t\t1234567\n" +
        "claude-2\t2026-11-22T14:14:00Z\tthe five hour window is used up, says the provider\t950\n" +
        "total\t\t\t1235517\n",
    );
  });

  it("keeps one row on one line whatever the cells hold", () => {
    const table: Table = {
      columns: [{ title: "A" }, { title: "B" }],
      rows: [["a\tb\nc", { text: "", value: "d\re" }]],
    };
    assert.equal(render({ isTerminal: false }, table), "a b c\td e\n");
  });

  it("is empty without rows", () => {
    assert.equal(render({ isTerminal: false }, { columns: [{ title: "A" }], rows: [] }), "");
  });
});
