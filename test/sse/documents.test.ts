import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createDocumentSplitter } from "../../src/sse/documents.ts";
import { draws } from "../support/draws.ts";

function split(
  chunks: readonly Buffer[],
  limits: { maxDocumentBytes?: number; maxStringBytes?: number } = {},
) {
  const documents: string[] = [];
  const splitter = createDocumentSplitter({
    onDocument: (document) => documents.push(document.toString()),
    onOversized: () => documents.push("(too large)"),
    ...limits,
  });
  for (const chunk of chunks) splitter.push(chunk);
  return { documents, closed: splitter.closed };
}

function* cuts(bytes: Buffer): Generator<Buffer[]> {
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
}

function assertSplits(text: string, documents: string[], closed: boolean): void {
  for (const chunks of cuts(Buffer.from(text))) {
    assert.deepEqual(split(chunks), { documents, closed }, JSON.stringify(chunks.map(String)));
  }
}

describe("createDocumentSplitter", () => {
  const awkward = '{"a":"}]\\"\\\\","b":[{"c":"größe 😀 [{"}],"\\\\\\"":{}}';

  it("gives the one object of an answer once it is closed", () => {
    assertSplits(awkward, [awkward], true);
    assertSplits(`\ufeff \r\n${awkward}\n`, [awkward], true);
    assertSplits("{}", ["{}"], true);
    assertSplits(awkward.slice(0, -1), [], false);
  });

  it("gives the elements of an array one by one", () => {
    assertSplits(
      `[${awkward},\r\n{}\n, [1, {"a":1}] ,{"x":"]"}]`,
      [awkward, "{}", '[1, {"a":1}]', '{"x":"]"}'],
      true,
    );
    assertSplits(`[${awkward},{"x"`, [awkward], false);
    assertSplits("[]", [], true);
    assertSplits('[1,"{}",null]', [], true);
  });

  it("ignores what is behind the end", () => {
    assertSplits('{"a":1}{"b":2}]', ['{"a":1}'], true);
    assertSplits('[{"a":1}],{"b":2}', ['{"a":1}'], true);
  });

  it("gives nothing of what is neither object nor array", () => {
    for (const text of ["", "  ", "<html>{}</html>", '"{}"', "12 {}", "}{}"]) assertSplits(text, [], false);
  });

  it("keeps the beginning of a long string alone, and all that is beside it", () => {
    const long = JSON.stringify('\\"}]{[\\\\"\\'.repeat(5));
    const text = `{"long":${long},"short":"\\\\","list":[{"long":${long}},"}]"],"end":1}`;
    for (let size = 1; size <= 40; size++) {
      const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
        Buffer.from(text.slice(at * size, (at + 1) * size)),
      );
      const { documents, closed } = split(chunks, { maxStringBytes: 8 });
      const parsed = JSON.parse(documents[0]!);
      assert.deepEqual([closed, parsed.short, parsed.list[1], parsed.end], [true, "\\", "}]", 1]);
      for (const { long: kept } of [parsed, parsed.list[0]]) {
        assert.ok(JSON.parse(long).startsWith(kept), kept);
        assert.ok(kept.length >= 4 && kept.length <= 8 + 2 * size, kept);
      }
    }
  });

  it("drops a document above the bound and reads on", () => {
    const text = '[{"a":123},{"a":1234},{"b":1}]';
    for (const chunks of cuts(Buffer.from(text))) {
      assert.deepEqual(split(chunks, { maxDocumentBytes: 9 }), {
        documents: ['{"a":123}', "(too large)", '{"b":1}'],
        closed: true,
      });
    }
  });

  it("finds the end of long strings, wherever escaped quotes and chunks cut them", () => {
    for (let length = 40; length < 60; length++) {
      for (const inside of ['\\"', "\\\\", '\\\\\\"', '\\\\\\\\\\"x']) {
        const document = `{"a":"${"x".repeat(length)}${inside}${"}".repeat(length)}${inside}"}`;
        assertSplits(document, [document], true);
      }
    }
  });

  it("does not change a document when the chunks' memory is used again", () => {
    const chunk = Buffer.alloc(1);
    const documents: string[] = [];
    const splitter = createDocumentSplitter({
      onDocument: (document) => documents.push(document.toString()),
    });
    for (const byte of Buffer.from(`[${awkward},{}]`)) {
      chunk[0] = byte;
      splitter.push(chunk);
    }
    assert.deepEqual(documents, [awkward, "{}"]);
  });

  it("agrees with JSON.parse on any array of objects, cut anywhere", () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue())),
        fc.constantFrom(0, 2),
        fc.array(fc.nat(500)),
        (values, indent, places) => {
          const bytes = Buffer.from(JSON.stringify(values, undefined, indent));
          const ends = places.map((place) => place % bytes.length).sort((a, b) => a - b);
          const chunks = [...ends, bytes.length].map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
          const { documents, closed } = split(chunks);
          assert.ok(closed);
          assert.deepEqual(
            documents.map((document) => JSON.parse(document)),
            JSON.parse(bytes.toString()),
          );
        },
      ),
      { numRuns: draws(1000) },
    );
  });

  it("takes any bytes without complaint", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...'[]{}",\\ x'), { maxLength: 40 }), (letters) => {
        split(letters.map((letter) => Buffer.from(letter)));
        split([Buffer.from(letters.join(""))]);
      }),
    );
  });
});
