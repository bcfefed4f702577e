import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { classifyKey } from "../../src/config/key-shapes.ts";
import type { Family } from "../../src/domain/family.ts";

describe("a text that cannot be the key", () => {
  const cases: [string, Family, string][] = [
    ["sk-ant-api03-abc", "claude", "fine"],
    ["AIzaSyAbc", "gemini", "fine"],
    ["AQ.Ab8RN6", "gemini", "fine"],
    ["sk-proj-abc", "openai", "fine"],
    ["sk-abc", "openai", "fine"],
    ["sk-proj-abc", "claude", "refused"],
    ["sk-svcacct-abc", "gemini", "refused"],
    ["sk-abc", "claude", "doubtful"],
    ["AIzaSyAbc", "openai", "refused"],
    ["sk-ant-api03-abc", "gemini", "refused"],
    ["sk-ant-oat01-abc", "claude", "refused"],
    ["sk-ant-ort01-abc", "gemini", "refused"],
    ["ya29.abc", "gemini", "refused"],
    ["1//0abc", "gemini", "refused"],
    ["GOCSPX-abc", "gemini", "refused"],
    ["eyJhbGciOi.eyJzdWIi.abc", "openai", "refused"],
    ["sk-ant-api03-a b", "claude", "refused"],
    ["ANTHROPIC_API_KEY=sk-ant-api03-abc", "claude", "refused"],
    ["export OPENAI_API_KEY=sk-abc", "openai", "refused"],
    ['"sk-abc"', "openai", "refused"],
    ["Bearer sk-abc", "openai", "refused"],
    ["x-api-key: sk-ant-api03-abc", "claude", "refused"],
    ["sk-ant-api03-abc…xyz", "claude", "refused"],
    ["sk-proj-***abc", "openai", "refused"],
    ["sk-ant-api03-äbc", "claude", "refused"],
    ["something", "claude", "doubtful"],
    ["something", "gemini", "doubtful"],
    ["something", "openai", "doubtful"],
  ];
  for (const [text, family, kind] of cases) {
    it(`is found by its form: ${text} for ${family} is ${kind}`, () => {
      const verdict = classifyKey(text, { family, apiUrl: undefined });
      assert.equal(verdict.kind, kind);
      assert.ok(!JSON.stringify(verdict).includes("abc"), "it is not repeated");
    });
  }

  it("is only a damaged one where another provider speaks the same API", () => {
    const question = { family: "openai", apiUrl: "https://models.example/v1" } as const;
    assert.equal(classifyKey("sk-ant-api03-abc", question).kind, "fine");
    assert.equal(classifyKey("two words", question).kind, "refused");
  });
});
