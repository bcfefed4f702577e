import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { createEventSplitter, type EventSplitterOptions } from "../../src/sse/events.ts";
import { draws } from "../support/draws.ts";

type Read = { name: string; data: string };

function split(chunks: readonly Buffer[], options: Partial<EventSplitterOptions> = {}): Read[] {
  const events: Read[] = [];
  const splitter = createEventSplitter({
    onEvent: (name, data) => events.push({ name, data: data.toString() }),
    ...options,
  });
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return events;
}

/** Every way to cut the bytes once, and into single bytes. */
function* cuts(bytes: Buffer): Generator<Buffer[]> {
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
  for (let at = 0; at + 2 <= bytes.length; at++) {
    yield [
      bytes.subarray(0, at),
      bytes.subarray(at, at + 1),
      bytes.subarray(at + 1, at + 2),
      bytes.subarray(at + 2),
    ];
  }
}

function assertSplits(text: string, expected: Read[], options: Partial<EventSplitterOptions> = {}): void {
  for (const chunks of cuts(Buffer.from(text))) {
    assert.deepEqual(split(chunks, options), expected, JSON.stringify(chunks.map(String)));
  }
}

describe("createEventSplitter", () => {
  const stream = [
    ": a comment",
    "",
    "event: message_start",
    'data: {"größe":"😀"}',
    "",
    "id: 7",
    "retry: 10",
    "event:ping",
    "data:  two spaces",
    "data:",
    "data",
    "data:x: y",
    "",
    "",
    "event: no data, no event",
    "",
    "dataset: no field of ours",
    "event",
    "data: [DONE]",
    "",
  ];
  const events: Read[] = [
    { name: "message_start", data: '{"größe":"😀"}' },
    { name: "ping", data: " two spaces\n\n\nx: y" },
    { name: "", data: "[DONE]" },
  ];
  const lineEnds = { "line feeds": "\n", "carriage returns": "\r", both: "\r\n" };
  for (const [title, lineEnd] of Object.entries(lineEnds)) {
    it(`reads the same events wherever the stream is split, with lines ended by ${title}`, () => {
      assertSplits(stream.join(lineEnd) + lineEnd, events);
      assertSplits(`\ufeff${stream.join(lineEnd)}${lineEnd}`, events);
    });
  }

  it("counts a last event without its blank line, and without the end of its last line", () => {
    assertSplits("data: 1\n\ndata: 2\n", [
      { name: "", data: "1" },
      { name: "", data: "2" },
    ]);
    assertSplits("event: a\ndata: 1", [{ name: "a", data: "1" }]);
    assertSplits("data", [{ name: "", data: "" }]);
    assertSplits("event: a\ndat", []);
  });

  it("takes the last name an event gives, and no name from the event before", () => {
    assertSplits("event: a\ndata: 1\nevent: b\n\ndata: 2\n\n", [
      { name: "b", data: "1" },
      { name: "", data: "2" },
    ]);
  });

  it("does not take bytes that are no UTF-8 for a name seen before", () => {
    const bytes = Buffer.concat([
      Buffer.from("event: é\ndata: 1\n\n"),
      Buffer.from("event: \xe9\ndata: 2\n\n", "latin1"),
    ]);
    assert.deepEqual(split([bytes]), [
      { name: "é", data: "1" },
      { name: "\ufffd", data: "2" },
    ]);
  });

  it("strips a byte order mark only at the very start", () => {
    assertSplits("\ufeff\ufeffdata: 1\n\ndata: 2\n\n", [{ name: "", data: "2" }]);
    assertSplits("data: 1\n\n\ufeffdata: 2\n\n", [{ name: "", data: "1" }]);
    assertSplits("\ufeff", []);
    assertSplits("\u{f0000}data: 1\n\n", []);
  });

  it("skips events that are not wanted, and asks once per event", () => {
    const text = "event: big\ndata: 1\ndata: 2\n\nevent: small\ndata: 3\ndata: 4\n\ndata: 5\n\n";
    for (const chunks of cuts(Buffer.from(text))) {
      const asked: string[] = [];
      const wants = (name: string) => asked.push(name) > 0 && name !== "big";
      assert.deepEqual(split(chunks, { wants }), [
        { name: "small", data: "3\n4" },
        { name: "", data: "5" },
      ]);
      assert.deepEqual(asked, ["big", "small", ""]);
    }
  });

  it("drops an event above the bound and reads on", () => {
    const text =
      "event: a\ndata: 12345\n\nevent: b\ndata: 123456\n\nevent: c\ndata: 123\ndata: 45\n\nevent: d\ndata: 12\ndata: 34\n\n";
    for (const chunks of cuts(Buffer.from(text))) {
      const dropped: string[] = [];
      const read = split(chunks, { maxEventBytes: 5, onOversized: (name) => dropped.push(name) });
      assert.deepEqual(read, [
        { name: "a", data: "12345" },
        { name: "d", data: "12\n34" },
      ]);
      assert.deepEqual(dropped, ["b", "c"]);
    }
  });

  it("reads an event of five megabytes that comes in small pieces", () => {
    const large = "0123456789".repeat(500_000);
    const bytes = Buffer.from(`event: a\ndata: ${large}\n\ndata: after\n\n`);
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 1000) chunks.push(bytes.subarray(at, at + 1000));
    assert.deepEqual(split(chunks), [
      { name: "a", data: large },
      { name: "", data: "after" },
    ]);
  });

  it("does not read a name that never ends", () => {
    const piece = Buffer.from("e".repeat(100));
    const chunks = [Buffer.from("event: "), ...Array<Buffer>(1000).fill(piece), Buffer.from("\ndata: 1\n\n")];
    assert.deepEqual(split(chunks), [{ name: "", data: "1" }]);
  });

  it("does not change the data of an event when the chunks' memory is used again", () => {
    const chunk = Buffer.alloc(1);
    const events: Read[] = [];
    const splitter = createEventSplitter({
      onEvent: (name, data) => events.push({ name, data: data.toString() }),
    });
    for (const byte of Buffer.from("\ufeffevent: name\ndata: some data\ndata: more\n\n")) {
      chunk[0] = byte;
      splitter.push(chunk);
    }
    assert.deepEqual(events, [{ name: "name", data: "some data\nmore" }]);
  });

  it("hands over everything from a line of bare JSON on", () => {
    const error = '{\n  "error": {"code": 503}\n}\ndata: no event any more\n\n';
    for (const bare of [error, `[${error}`]) {
      for (const start of ["", "\ufeff", "data: 1\n\n", "data: 1\r\n"]) {
        for (const chunks of cuts(Buffer.from(start + bare))) {
          const rest: Buffer[] = [];
          const read = split(chunks, { onBare: (bytes) => rest.push(Buffer.from(bytes)) });
          assert.deepEqual(read, start.startsWith("data") ? [{ name: "", data: "1" }] : []);
          assert.equal(Buffer.concat(rest).toString(), bare);
        }
      }
    }
  });

  it("ignores bare JSON when nobody takes it", () => {
    assertSplits('{"error":1}\ndata: 1\n\n', [{ name: "", data: "1" }]);
  });

  const line = fc.oneof(
    fc.constantFrom(
      "",
      "",
      "data: x",
      "data:",
      "data",
      "event: a",
      "event:",
      "event",
      ":",
      ": c",
      "id: 1",
      "foo",
      "d",
      "e",
    ),
    fc
      .tuple(fc.constantFrom("data:", "data: ", "event: ", ""), fc.string({ unit: "grapheme" }))
      .map((parts) => parts.join("").replaceAll(/[\r\n]/g, "")),
  );
  const text = fc
    .array(fc.tuple(line, fc.constantFrom("\n", "\r", "\r\n")), { maxLength: 30 })
    .map((lines) => lines.flat().join(""));

  it("agrees with another parser on any stream, cut anywhere", () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(200)), (body, places) => {
        const expected: Read[] = [];
        const parser = createParser({
          onEvent: ({ event, data }) => expected.push({ name: event ?? "", data }),
        });
        parser.feed(`: start\n${body}\n\n`);
        const bytes = Buffer.from(`: start\n${body}\n\n`);
        const ends = places.map((place) => place % bytes.length).sort((a, b) => a - b);
        const chunks = [...ends, bytes.length].map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
        assert.deepEqual(split(chunks), expected);
      }),
      { numRuns: draws(3000) },
    );
  });

  it("takes any bytes without complaint", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
        split(chunks.map((chunk) => Buffer.from(chunk)));
      }),
    );
  });
});
