// A new function that takes text from outside is not forgotten: it is measured by its types (test/hostile/readers.hostile.ts), or this
// says that they are not known.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { exempt, folders } from "../support/called-readers.ts";
import { argumentsOf, exportedReaders, readersIn } from "../support/exported-readers.ts";

const readers = exportedReaders(folders);

describe("the list of what takes text", () => {
  it("finds functions by their types, over several lines too, and takes their arguments apart", () => {
    const source = [
      "export function a(text: string, now: number): void {}",
      "function hidden(text: string): void {}",
      "export async function b<T>(",
      "  { status, headers }: ReplyHead,",
      "  body: Buffer,",
      "  check: (name: string, value: T) => boolean,",
      "  limit = 3,",
      "): Promise<void> {}",
      "export function c(count: number): void {}",
    ].join("\n");
    const found = readersIn("x.ts", source).map(({ name, parameters }) => [
      name,
      parameters.map(({ type }) => type),
    ]);
    assert.deepEqual(found, [
      ["a", ["string", "number"]],
      ["b", ["ReplyHead", "Buffer", "(name: string, value: T) => boolean", ""]],
    ]);
  });

  it("names no function that is not there", () => {
    const ids = new Set(readers.map(({ id }) => id));
    assert.deepEqual(
      Object.keys(exempt).filter((id) => !ids.has(id)),
      [],
    );
  });

  it("has arguments for every function, or a reason why it is not called", () => {
    assert.ok(readers.length > 200, `only ${readers.length} functions`);
    const unknown = readers.filter(
      (reader) => exempt[reader.id] === undefined && argumentsOf(reader) === undefined,
    );
    assert.deepEqual(
      unknown.map(({ id, parameters }) => [id, ...parameters.map(({ name, type }) => `${name}: ${type}`)]),
      [],
    );
  });
});
