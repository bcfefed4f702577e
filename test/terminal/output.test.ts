import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { changedEnvironment } from "../../src/terminal/environment.ts";
import { createOutput, wantsColour } from "../../src/terminal/output.ts";
import { createStyle, sign } from "../../src/terminal/style.ts";

const stream = (isTTY: boolean, columns?: number) => ({ write: () => true, isTTY, columns });

function screen(options: {
  isTTY?: boolean;
  columns?: number;
  env?: Record<string, string>;
  platform?: NodeJS.Platform;
}) {
  const { isTTY = true, columns, env = {}, platform = "linux" } = options;
  return createOutput({ stdout: stream(isTTY, columns), stderr: stream(true), env, platform }).stdout;
}

describe("colour", () => {
  const cases: [boolean, Record<string, string>, boolean][] = [
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "" }, true],
    [true, { TERM: "dumb" }, false],
    [false, { FORCE_COLOR: "1" }, true],
    [true, { FORCE_COLOR: "0" }, false],
    [true, { NO_COLOR: "1", FORCE_COLOR: "1" }, true],
  ];
  for (const [isTerminal, env, expected] of cases) {
    it(`is ${expected ? "on" : "off"} for ${isTerminal ? "a terminal" : "a pipe"} with ${JSON.stringify(env)}`, () => {
      assert.equal(wantsColour(isTerminal, env), expected);
    });
  }

  it("leaves empty text empty", () => {
    assert.equal(createStyle(true).red(""), "");
    assert.equal(createStyle(true).red("x"), "\u001b[31mx\u001b[39m");
  });
});

describe("the width", () => {
  it("is the terminal's, then COLUMNS, then 80", () => {
    assert.equal(screen({ columns: 132 }).width, 132);
    assert.equal(screen({ env: { COLUMNS: "100" } }).width, 100);
    assert.equal(screen({ env: { COLUMNS: "wide" } }).width, 80);
  });
});

describe("signs", () => {
  it("are ASCII on a terminal whose locale is not UTF-8, and UTF-8 in a pipe", () => {
    const texts = (options: Parameters<typeof screen>[0]) => {
      const { unicode } = screen(options);
      return (["ok", "warn", "fail"] as const)
        .map((verdict) => sign(verdict, { unicode, style: createStyle(false) }))
        .join("");
    };
    assert.equal(texts({ env: { LANG: "de_DE.UTF-8" } }), "✓!✗");
    assert.equal(texts({ env: { LANG: "C", LC_ALL: "C.utf8" } }), "✓!✗");
    assert.equal(texts({ env: { LANG: "de_DE.UTF-8", LC_ALL: "C" } }), "+!x");
    assert.equal(texts({ env: {} }), "+!x");
    assert.equal(texts({ env: {}, platform: "darwin" }), "✓!✗");
    assert.equal(texts({ env: {}, platform: "win32" }), "+!x");
    assert.equal(texts({ env: { WT_SESSION: "x" }, platform: "win32" }), "✓!✗");
    assert.equal(texts({ env: {}, isTTY: false }), "✓!✗");
  });
});

describe("the environment of a child", () => {
  it("has what was set and lacks what was removed", () => {
    assert.deepEqual(
      changedEnvironment({ A: "1", B: "2", C: undefined }, { set: { D: "4" }, remove: ["B"] }, "linux"),
      { A: "1", D: "4" },
    );
  });

  it("treats names as one whatever their case on Windows only", () => {
    const change = { set: { Path: "new" }, remove: ["http_proxy"] };
    assert.deepEqual(changedEnvironment({ PATH: "old", HTTP_PROXY: "p" }, change, "win32"), { Path: "new" });
    assert.deepEqual(changedEnvironment({ PATH: "old", HTTP_PROXY: "p" }, change, "linux"), {
      PATH: "old",
      HTTP_PROXY: "p",
      Path: "new",
    });
  });
});
