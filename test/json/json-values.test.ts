import assert from "node:assert/strict";
import { test } from "node:test";
import {
  fieldOf,
  isObject,
  listField,
  numberField,
  objectField,
  parseJson,
  stringField,
} from "../../src/json/json-values.ts";

test("a field counts only with the type that is asked for", () => {
  const value = parseJson('{"text":"a","empty":"","figure":3,"list":[1],"inner":{"x":1},"nothing":null}');
  assert.equal(stringField(value, "text"), "a");
  assert.equal(stringField(value, "empty"), undefined);
  assert.equal(stringField(value, "figure"), undefined);
  assert.equal(numberField(value, "figure"), 3);
  assert.equal(numberField(value, "text"), undefined);
  assert.deepEqual(listField(value, "list"), [1]);
  assert.deepEqual(listField(value, "inner"), []);
  assert.deepEqual(objectField(value, "inner"), { x: 1 });
  assert.equal(objectField(value, "list"), undefined);
  assert.equal(objectField(value, "nothing"), undefined);
});

test("values that are no objects have no fields, and inherited ones do not count", () => {
  for (const value of [undefined, null, 1, "text", [], ["a"]]) {
    assert.equal(isObject(value), false);
    assert.equal(fieldOf(value, "length"), undefined);
  }
  assert.equal(fieldOf({}, "constructor"), undefined);
});

test("a figure beyond what a number holds is left out", () => {
  assert.equal(numberField(parseJson('{"figure":1e999}'), "figure"), undefined);
});

test("text that is not JSON has no value", () => {
  for (const text of ["", "{", "<html>", "undefined"]) assert.equal(parseJson(text), undefined);
});
