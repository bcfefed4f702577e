import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { modelTextWithin } from "../../src/cli/requests/columns.ts";
import { useText } from "../../src/text/format.ts";

describe("the models of a request", () => {
  const replaced = { model: "claude-opus-5-5", sent_model: "claude-haiku-5-5" };

  for (const [width, text] of [
    [35, "claude-opus-5-5 as claude-haiku-5-5"],
    [34, "claude-opus-5-5 as claude-haiku-5…"],
    [30, "claude-opus-… as claude-haiku…"],
    [20, "claude-… as claude-…"],
    [19, "claude-opus-5-5"],
  ] as const) {
    it(`are both named within ${width} columns, as far as that goes`, () => {
      assert.equal(modelTextWithin(replaced, { width, unicode: true }), text);
    });
  }

  it("leave the room that one does not need to the other", () => {
    const short = { model: "opus", sent_model: "claude-haiku-5-5-20991231" };
    assert.equal(modelTextWithin(short, { width: 26, unicode: true }), "opus as claude-haiku-5-5-…");
    const other = { model: short.sent_model, sent_model: "opus" };
    assert.equal(modelTextWithin(other, { width: 26, unicode: false }), "claude-haiku-5-... as opus");
  });
});

it("use without any known token is of unknown usage", () => {
  assert.equal(useText({ requests: 3, tokens: 0, costUsd: null }), "3 requests of unknown usage");
  assert.equal(useText({ requests: 1, tokens: 9, costUsd: null }), "1 request and 9 tokens of unknown cost");
  assert.equal(useText({ requests: 1, tokens: 0, costUsd: 0 }), "1 request, 0 tokens and $0.00");
});
