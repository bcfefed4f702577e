import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import fc from "fast-check";
import { UserError } from "../../src/domain/errors.ts";
import { readLines } from "../../src/terminal/input.ts";

async function all(pieces: (string | Buffer)[]): Promise<string[]> {
  const lines = readLines(Readable.from(pieces));
  const found: string[] = [];
  for (let line = await lines.next(); line !== undefined; line = await lines.next()) found.push(line);
  return found;
}

describe("lines from a pipe", () => {
  it("come without the white space around them, and blank ones not at all", async () => {
    assert.deepEqual(await all(["\uFEFF one \r\n\n \t\ntwo\nthree"]), ["one", "two", "three"]);
    assert.deepEqual(await all([]), []);
    assert.deepEqual(await all(["\n\r\n"]), []);
  });

  it("are the same wherever the text is split, in the middle of a character too", async () => {
    const text = Buffer.from("\uFEFFfirst key\r\nzwölf 👋\n\nlast");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 6 }), async (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((end, index) => text.subarray(at[index], end));
        assert.deepEqual(await all(pieces), ["first key", "zwölf 👋", "last"]);
      }),
    );
  });

  it("come as soon as they are complete, while the writer goes on", async () => {
    let isRead = false;
    async function* slow() {
      yield "now\nla";
      isRead = true;
      yield "ter\n";
    }
    const lines = readLines(slow());
    assert.equal(await lines.next(), "now");
    assert.equal(isRead, false);
    assert.equal(await lines.next(), "later");
    assert.equal(await lines.next(), undefined);
    assert.equal(await lines.next(), undefined);
  });

  it("have a longest one", async () => {
    let pieces = 0;
    async function* endless() {
      for (;;) {
        pieces += 1;
        yield Buffer.alloc(4096, "x");
      }
    }
    await assert.rejects(readLines(endless()).next(), UserError);
    assert.ok(pieces < 30);
  });
});
