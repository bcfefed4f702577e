// Ids in paths: what is not plain text, and dot segments in every spelling, never go to a provider.

import assert from "node:assert/strict";
import { test } from "node:test";
import { pathFault } from "../../src/dialects/registry.ts";

/** Every route with an id; ID takes its place. */
export const routesWithId = [
  "/v1/models/ID",
  "/api/v1/models/ID",
  "/claude/v1/models/ID",
  "/v1/responses/ID",
  "/openai/v1/responses/ID",
  "/v1/responses/ID/cancel",
  "/openai/v1/responses/ID/input_items",
  "/openai/v1/models/ID",
  "/v1beta/models/ID",
  "/gemini/v1/models/ID",
  "/v1alpha/tunedModels/ID",
  "/v1/models/ID:generateContent",
  "/v1beta/models/ID:streamGenerateContent",
  "/gemini/v1beta/models/ID:countTokens",
  "/gemini/v1beta/models/ID%3AembedContent",
  "/v1internal/operations/ID",
];

const isModelRoute = (route: string) => /\/(?:models|tunedModels)\//.test(route);

test("plain ids pass on every route", () => {
  for (const route of routesWithId) {
    for (const id of ["gpt-5", "a.b", "..a", "resp_0af~1", "me@host", "x+y", "tuned:abc", "%41b"])
      assert.equal(pathFault(route.replace("ID", id)), undefined, route.replace("ID", id));
  }
});

test("an encoded slash passes in a model's name only", () => {
  for (const route of routesWithId) {
    for (const id of ["anthropic%2Fclaude", "a%2fb%2Fc"]) {
      const path = route.replace("ID", id);
      assert.equal(pathFault(path), isModelRoute(route) ? undefined : "identifier", path);
    }
  }
});

test("what is not plain text is a fault on every route", () => {
  const bad = ["%00", "a%20b", "%ff", "%E0%A4%A", "%252e%252e", "a%252Fb", "a%3Fb", "a%23b", "a%0d%0ab"];
  for (const route of routesWithId) {
    for (const id of [
      ...bad,
      "%2F",
      "a%2F",
      "%2Fa",
      "a%2F%2Fb",
      "a;b",
      "a%5Cb",
      "a\\b",
      "é",
      '"',
      "a,b",
      "%",
    ]) {
      const path = route.replace("ID", id);
      assert.equal(pathFault(path), "identifier", path);
    }
  }
});

test("a dot segment is a fault in every path and spelling", () => {
  const dots = [
    ".",
    "..",
    "%2e",
    "%2E.",
    ".%2e",
    "%2e%2E",
    "..%2ffiles%2fID",
    "a%2F..%2Fb",
    "a%2f%2e",
    "..%5c..%5cx",
  ];
  for (const route of [...routesWithId, "/nothing/ID/else", "/v1/ID/messages", "/ID", "/ui/ID"]) {
    for (const id of dots) {
      const path = route.replace("ID", id);
      assert.equal(pathFault(path), "dot-segment", path);
    }
  }
});

test("paths without an id are not concerned", () => {
  for (const path of [
    "/",
    "/v1/messages",
    "//v1//messages",
    "/nothing",
    "/a%20b",
    "/v1internal:loadCodeAssist",
  ])
    assert.equal(pathFault(path), undefined, path);
});
