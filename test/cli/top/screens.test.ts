// Every picture of `top` as a whole, at 80 and 120 columns, as it is kept beside this file.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { drawListing, drawTop } from "../../../src/cli/top/screens.ts";
import { createState, press, type TopState } from "../../../src/cli/top/state.ts";
import { createStyle, withoutStyle } from "../../../src/terminal/style.ts";
import { displayWidth } from "../../../src/terminal/width.ts";
import { limited, now, status } from "./status.ts";

const look = { style: createStyle(false), unicode: true, fullAt: 0.98, now };
const overview: TopState = { ...createState("http://127.0.0.1:3000"), status };
const account = press(overview, { name: "enter" }).state;
const secondRequest = press(press(account, { name: "down" }).state, { name: "enter" }).state;
const attempts = [
  limited,
  { account: "work", status: 200, class: "answered", next: "served", ms: 1180, reason: null },
];

const nothing = { accounts: [], running: [], recent: [], running_count: 0 };

const pictures: Readonly<Record<string, TopState>> = {
  overview,
  account,
  request: { ...secondRequest, request: { ...secondRequest.request!, attempts } },
  "request-selected": press({ ...overview, selected: "account old" }, { name: "page-down" }).state,
  help: press(overview, { name: "text", text: "?" }).state,
  filter: { ...overview, filter: "ci", isTyping: true },
  waiting: createState("http://127.0.0.1:3000"),
  running: press({ ...overview, selected: `request ${status.running[0]!.id}` }, { name: "enter" }).state,
  empty: { ...overview, status: { ...status, ...nothing } },
  "nothing-fits": { ...overview, filter: "zzz" },
  message: { ...overview, message: "home is enabled, and nothing it has learned counts any more" },
  lost: { ...overview, lost: "the relay does not answer" },
};

/** What is kept has no white space at the ends of lines. */
const trimmed = (lines: readonly string[]) => lines.map((line) => `${line.trimEnd()}\n`).join("");

for (const [name, state] of Object.entries(pictures)) {
  for (const columns of [80, 120]) {
    it(`${name} at ${columns} columns is the picture that is kept`, () => {
      const kept = readFileSync(join(import.meta.dirname, "pictures", `${name}-${columns}.txt`), "utf8");
      assert.equal(trimmed(drawTop(state, { columns, rows: 20 }, look)), kept);
    });
  }
}

describe("every picture", () => {
  const styles = { coloured: createStyle(true), plain: createStyle(false) };
  for (const [kind, style] of Object.entries(styles)) {
    it(`fits 60 to 200 columns and 5 to 50 rows, ${kind}`, () => {
      for (const [name, state] of Object.entries(pictures)) {
        for (let columns = 60; columns <= 200; columns += 7) {
          for (const rows of [5, 10, 24, 50]) {
            const lines = drawTop(state, { columns, rows }, { ...look, style });
            assert.equal(lines.length, rows, `${name} has ${lines.length} lines of ${rows}`);
            const wide = lines.map(withoutStyle).find((line) => displayWidth(line) > columns);
            assert.equal(wide, undefined, `${name} at ${columns}`);
          }
        }
      }
    });
  }

  it("holds no control character of a client or provider", () => {
    for (const state of Object.values(pictures)) {
      const text = drawTop(state, { columns: 120, rows: 40 }, look).join("");
      assert.doesNotMatch(text, /[\p{Cc}\p{Bidi_Control}]/u);
    }
  });

  it("is plain ASCII but for foreign names where the terminal shows no more", () => {
    const lines = drawTop(overview, { columns: 120, rows: 20 }, { ...look, unicode: false });
    assert.match(lines[4] ?? "", /^> home {6}! in 48m {7}5h {3}########## 100% 48m/);
    assert.doesNotMatch(lines.join("").replaceAll("\ufffd", ""), /[^\x20-\x7e]/);
  });
});

it("a window is shown with its bar, share and reset also where the room is small", () => {
  const accounts = status.accounts.map((each, index) => ({ ...each, id: `demo-claude-${index}` }));
  const state = { ...overview, status: { ...status, accounts } };
  const lines = drawTop(state, { columns: 60, rows: 20 }, look);
  assert.match(lines[4] ?? "", /^▸ demo-claude-0 {2}! in 48m {7}5h {3}█████ 100% 48m/);
});

it("a window is red from session.switch_at_utilization on, and while overage is in use", () => {
  const [first] = status.accounts;
  const style = createStyle(true);
  const barOf = (utilization: number, windowStatus: string) => {
    const windows = [{ name: "5h", utilization, resets_at: null, status: windowStatus }];
    const state = { ...overview, status: { ...status, accounts: [{ ...first!, windows }] } };
    const lines = drawTop(state, { columns: 120, rows: 20 }, { ...look, style, fullAt: 0.9 });
    return lines.find((line) => line.includes("5h")) ?? "";
  };
  const [before] = style.red("█").split("█");
  assert.ok(!barOf(0.89, "allowed").includes(`${before}█`));
  assert.ok(barOf(0.9, "allowed").includes(`${before}█`));
  assert.ok(barOf(0.5, "in-use").includes(`${before}█`));
});

it("of many accounts and requests those around the selected one are shown", () => {
  const [first] = status.accounts;
  const accounts = Array.from({ length: 60 }, (_, index) => ({ ...first!, id: `account-${index}` }));
  const state = { ...overview, status: { ...status, accounts }, selected: "account account-47" };
  const lines = drawTop(state, { columns: 100, rows: 30 }, look);
  assert.ok(lines.some((line) => line.startsWith("▸ account-47")));
});

it("the listing has everything, and no selection", () => {
  const text = drawListing(overview, { ...look, screen: { ...look, width: 100 } });
  assert.doesNotMatch(text, /▸/);
  assert.match(text, /^ {2}old .*disabled/m);
  assert.match(text, /truncated/);
});
