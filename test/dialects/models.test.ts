import assert from "node:assert/strict";
import { test } from "node:test";
import { claudeDialect } from "../../src/dialects/claude.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import { geminiDialect } from "../../src/dialects/gemini.ts";
import { openaiDialect } from "../../src/dialects/openai.ts";

function merge(dialect: Dialect, ...bodies: unknown[]): unknown {
  const texts = bodies.map((body) => (typeof body === "string" ? body : JSON.stringify(body)));
  return JSON.parse(dialect.mergeModels!(texts.map((text) => Buffer.from(text))).body);
}

test("Claude's lists become one, with every id once and the first entry kept", () => {
  const opus = { type: "model", id: "claude-opus-5-5", display_name: "Opus" };
  const haiku = { type: "model", id: "claude-haiku-5-5", display_name: "Haiku" };
  const merged = merge(
    claudeDialect,
    { data: [opus], has_more: false, first_id: opus.id, last_id: opus.id },
    {
      data: [{ ...opus, display_name: "another name" }, haiku],
      has_more: false,
      first_id: "x",
      last_id: "y",
    },
  );
  assert.deepEqual(merged, { data: [opus, haiku], has_more: false, first_id: opus.id, last_id: haiku.id });
});

test("a Claude list that goes on says from where", () => {
  const merged = merge(
    claudeDialect,
    { data: [{ id: "a" }, { id: "b" }], has_more: true, first_id: "a", last_id: "b" },
    { data: [{ id: "c" }], has_more: false },
  );
  assert.deepEqual(merged, {
    data: [{ id: "a" }, { id: "b" }, { id: "c" }],
    has_more: true,
    first_id: "a",
    last_id: "b",
  });
});

test("OpenAI's lists become one", () => {
  const merged = merge(
    openaiDialect,
    { object: "list", data: [{ id: "gpt-5", object: "model", owned_by: "openai" }] },
    {
      object: "list",
      data: [
        { id: "gpt-5", object: "model" },
        { id: "gpt-5.6", object: "model" },
      ],
    },
  );
  assert.deepEqual(merged, {
    object: "list",
    data: [
      { id: "gpt-5", object: "model", owned_by: "openai" },
      { id: "gpt-5.6", object: "model" },
    ],
  });
});

test("Gemini's lists become one by name, and a next page is kept", () => {
  const merged = merge(
    geminiDialect,
    { models: [{ name: "models/gemini-2.5-pro" }] },
    { models: [{ name: "models/gemini-2.5-pro" }, { name: "models/gemini-4" }], nextPageToken: "next" },
  );
  assert.deepEqual(merged, {
    models: [{ name: "models/gemini-2.5-pro" }, { name: "models/gemini-4" }],
    nextPageToken: "next",
  });
});

test("bodies that are no list, and entries without an id, are left out", () => {
  const broken = [
    "",
    "<html>",
    "null",
    "[]",
    "{}",
    '{"data":{},"models":3}',
    '{"data":[null,3,{"id":7},{}],"models":[[]]}',
  ];
  assert.deepEqual(merge(claudeDialect, ...broken, { data: [{ id: "__proto__" }] }), {
    data: [{ id: "__proto__" }],
    has_more: false,
    first_id: "__proto__",
    last_id: "__proto__",
  });
  assert.deepEqual(merge(claudeDialect, ...broken), {
    data: [],
    has_more: false,
    first_id: null,
    last_id: null,
  });
  const bodies = broken.map((text) => Buffer.from(text));
  assert.equal(claudeDialect.mergeModels!(bodies).read, 2, "one is empty, and one has entries of no use");
  assert.deepEqual(merge(openaiDialect, ...broken), { object: "list", data: [] });
  assert.deepEqual(merge(geminiDialect, ...broken), { models: [] });
});
