import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Family } from "../../src/domain/family.ts";
import { matchesModel, modelScope } from "../../src/domain/model-scope.ts";
import { patient } from "../support/patience.ts";

describe("modelScope", () => {
  const rows: [Family, string, string][] = [
    ["claude", "claude-opus-5-5", "opus"],
    ["claude", "claude-3-opus-20240229", "opus"],
    ["claude", "claude-sonnet-4-5-20250929", "sonnet"],
    ["claude", "Claude-Haiku-5-5", "haiku"],
    ["claude", "claude-fable-5-1", "fable"],
    ["claude", "claude-mythos-5-2", "mythos"],
    ["claude", "claude-2.1", "claude-2.1"],
    ["gemini", "gemini-2.5-pro", "gemini-2.5-pro"],
    ["openai", "gpt-5-opus", "gpt-5-opus"],
  ];
  for (const [family, model, scope] of rows) {
    it(`of ${model} on a ${family} account is ${scope}`, () => {
      assert.equal(modelScope(family, model), scope);
    });
  }
});

describe("matchesModel", () => {
  const rows: [string[] | undefined, string | undefined, boolean][] = [
    [undefined, "anything", true],
    [["*opus*"], undefined, true],
    [[], "claude-opus-5-5", false],
    [["*opus*"], "claude-opus-5-5", true],
    [["*OPUS*"], "claude-opus-5-5", true],
    [["*opus*"], "claude-sonnet-5-5", false],
    [["claude-*"], "claude-", true],
    [["claude-*"], "my-claude-opus", false],
    [["*-5-5"], "claude-opus-5-5", true],
    [["*-5-5"], "claude-opus-5-5-x", false],
    [["claude-opus-5-5"], "Claude-Opus-5-5", true],
    [["claude-opus"], "claude-opus-5-5", false],
    [["a*a"], "a", false],
    [["ab*ba"], "aba", false],
    [["ab*ba"], "abba", true],
    [["a*b*c"], "axxbyyc", true],
    [["a*b*c"], "axxcyyb", false],
    [["a*bc*c"], "abc", false],
    [["*"], "", true],
    [["**"], "x", true],
    [["gpt-5.?"], "gpt-5.1", false],
    [["gpt-5.1"], "gpt-5x1", false],
    [["gpt-*", "o3"], "o3", true],
  ];
  for (const [patterns, model, expected] of rows) {
    it(`${JSON.stringify(patterns)} ${expected ? "fits" : "does not fit"} ${model}`, () => {
      assert.equal(matchesModel(patterns, model), expected);
    });
  }

  it("takes no time for a pattern made to cost some", () => {
    const started = performance.now();
    assert.equal(matchesModel(["*a".repeat(5000)], `${"a".repeat(4000)}b`), false);
    assert.ok(performance.now() - started < patient(500));
  });
});
