// Log lines on their way into a file: which of them leave together.

import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createLineWriter } from "../../src/telemetry/line-writer.ts";

test("a line after a quiet time leaves with the others of its turn, and what follows leaves together", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const folder = mkdtempSync(join(tmpdir(), "cc-relay-lines-"));
  const file = join(folder, "log");
  const fd = openSync(file, "a");
  t.after(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  const arrives = async (text: string) => {
    for (let turns = 0; turns < 100_000 && readFileSync(file, "utf8") !== text; turns++) await nextTurn();
    assert.equal(readFileSync(file, "utf8"), text);
  };
  const writer = createLineWriter(fd);
  writer.write("1\n");
  writer.write("2\n");
  await arrives("1\n2\n");
  writer.write("3\n");
  writer.write("4\n");
  t.mock.timers.tick(100);
  await arrives("1\n2\n3\n4\n");
  t.mock.timers.tick(100);
  writer.write("5\n");
  await arrives("1\n2\n3\n4\n5\n");
});
