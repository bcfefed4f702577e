import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RelayError } from "../../src/domain/errors.ts";
import type { AnswerTransform } from "../../src/sse/transform.ts";
import { unwrapAnswer } from "../../src/upstreams/code-assist-answer.ts";
import { cutStep } from "../support/draws.ts";
import { threadTime } from "../support/thread-time.ts";

type Form = "sse" | "json-array" | undefined;

/** The whole answer, the upstream's bytes cut where `cuts` says. */
function run(streamForm: Form, bytes: Buffer, cuts: readonly number[]): string {
  const transform = unwrapAnswer({ streamForm });
  const pieces: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    pieces.push(transform.push(bytes.subarray(from, cut)));
    from = cut;
  }
  pieces.push(transform.end());
  return Buffer.concat(pieces).toString();
}

function assertEverywhere(streamForm: Form, upstream: string, expected: string): void {
  const bytes = Buffer.from(upstream);
  assert.equal(run(streamForm, bytes, []), expected);
  for (let cut = 1; cut < bytes.length; cut += cutStep) {
    assert.equal(run(streamForm, bytes, [cut]), expected, `cut at byte ${cut}`);
  }
  const single = Array.from({ length: bytes.length - 1 }, (_, index) => index + 1);
  assert.equal(run(streamForm, bytes, single), expected, "cut at every byte");
}

const first =
  '{"candidates":[{"content":{"parts":[{"text":"Grüße 👋 \\"}{\\n"}]}}],"n":12345678901234567890}';
const second = '{"candidates":[{"finishReason":"STOP"}],"responseId":"own"}';
const envelopes = [`{"response":${first},"traceId":"t-1"}`, `{"traceId":"t-1","response":${second}}`];
const unwrapped = [`{"responseId":"t-1",${first.slice(1)}`, second];
const events = (newline: string) => envelopes.map((one) => `data: ${one}${newline}${newline}`).join("");
const eventsOut = unwrapped.map((one) => `data: ${one}\r\n\r\n`).join("");
const arrayOut = `[${unwrapped.join(",\r\n")}]`;

describe("an event stream of Code Assist, cut at every byte", () => {
  for (const [name, newline] of [
    ["line feeds", "\n"],
    ["CRLF", "\r\n"],
    ["carriage returns", "\r"],
  ] as const) {
    it(`with ${name} becomes the public API's events`, () =>
      assertEverywhere("sse", events(newline), eventsOut));
    it(`with ${name} becomes a JSON array`, () => assertEverywhere("json-array", events(newline), arrayOut));
  }

  it("without its last line end is whole all the same", () => {
    assertEverywhere("sse", events("\n").trimEnd(), eventsOut);
    assertEverywhere("json-array", events("\n").trimEnd(), arrayOut);
  });

  it("with data over several lines is joined to one", () => {
    const upstream = 'data: {"response":\ndata:{"a":\r\ndata:  1},\ndata: "traceId":"t"}\n\n';
    assertEverywhere("sse", upstream, 'data: {"responseId":"t","a":  1}\r\n\r\n');
    assertEverywhere("json-array", upstream, '[{"responseId":"t","a":\n 1}]');
  });

  it("loses comments, other fields and envelopes without a response", () => {
    const upstream = `: hello\n\ndata:\n\nevent: x\nid: 1\nretry: 5\ndata: {"traceId":"t"}\n\ndata: {"response":null}\n\n${events("\n")}`;
    assertEverywhere("sse", upstream, eventsOut);
    assertEverywhere("json-array", upstream, arrayOut);
  });

  it("passes an error on as it is, sent as an event or as bare JSON", () => {
    const error = '{"error":{"code":503,"message":"full","status":"UNAVAILABLE"}}';
    const asEvent = `${events("\r\n")}data: ${error}\r\n\r\n`;
    assertEverywhere("sse", asEvent, `${eventsOut}data: ${error}\r\n\r\n`);
    assertEverywhere("json-array", asEvent, `${arrayOut.slice(0, -1)},\r\n${error}]`);
    const pretty = JSON.stringify(JSON.parse(error), null, 2);
    const onOneLine = pretty.replaceAll("\n", " ");
    assertEverywhere("sse", `${events("\n")}${pretty}\n`, `${eventsOut}data: ${onOneLine}\r\n\r\n`);
    assertEverywhere("json-array", `${events("\n")}${pretty}`, `${arrayOut.slice(0, -1)},\r\n${pretty}]`);
  });

  it("that comes as a JSON array instead is taken apart", () => {
    const upstream = `[${envelopes.join(",\r\n")}]`;
    assertEverywhere("sse", upstream, eventsOut);
    assertEverywhere("json-array", `\n${upstream}\n`, arrayOut);
  });

  it("that is empty is an empty answer", () => {
    assert.equal(run("sse", Buffer.alloc(0), []), "");
    assert.equal(run("json-array", Buffer.alloc(0), []), "[]");
  });

  it("gives each event away as soon as it is whole", () => {
    const transform = unwrapAnswer({ streamForm: "sse" });
    const text = `data: ${envelopes[0]}\n`;
    assert.equal(transform.push(Buffer.from(text)).length, 0);
    assert.equal(String(transform.push(Buffer.from("\n"))), `data: ${unwrapped[0]}\r\n\r\n`);
  });
});

describe("an unstreamed answer of Code Assist", () => {
  const rows: [string, string, string][] = [
    ["its response, with the trace's id", envelopes[0]!, unwrapped[0]!],
    ["its response, with its own id", envelopes[1]!, unwrapped[1]!],
    ["blanks around and inside", ' {\n "response" : { } ,\n "traceId" : "t" }\n', '{"responseId":"t" }'],
    ["no trace", '{"response":{"a":1}}', '{"a":1}'],
    ["an error as it is", '{"error":{"code":500}}', '{"error":{"code":500}}'],
  ];
  for (const [title, upstream, expected] of rows) {
    it(`becomes ${title}`, () => assertEverywhere(undefined, upstream, expected));
  }

  it("that holds no response is an error", () => {
    assert.throws(() => run(undefined, Buffer.from('{"traceId":"t"}'), []), RelayError);
  });

  it("that comes as events is put together", () => {
    const part = (text: string, more: object = {}) =>
      `data: ${JSON.stringify({ response: { candidates: [{ content: { role: "model", parts: [{ text }] }, ...more }] }, traceId: "t" })}\n\n`;
    const whole = run(
      undefined,
      Buffer.from(`\r\n${part("Grüß ")}${part("Gott", { finishReason: "STOP" })}`),
      [],
    );
    assert.deepEqual(JSON.parse(whole), {
      candidates: [
        { content: { role: "model", parts: [{ text: "Grüß " }, { text: "Gott" }] }, finishReason: "STOP" },
      ],
      responseId: "t",
    });
  });

  it("that is not whole is an error, whatever is missing", () => {
    const bytes = Buffer.from(envelopes[0]!);
    for (let length = 1; length < bytes.length; length++) {
      assert.throws(() => run(undefined, bytes.subarray(0, length), []), RelayError, `first ${length} bytes`);
    }
  });
});

it("a stream that ends inside of an event is an error", () => {
  const bytes = Buffer.from(`${events("\n")}data: {"response":{"a"`);
  assert.throws(() => run("sse", bytes, []), RelayError);
  assert.throws(() => run("json-array", bytes, []), RelayError);
});

describe("a stream that breaks off", () => {
  const error = new RelayError("upstream_timeout", "The provider fell silent.");
  const element = '{"error":{"code":504,"message":"The provider fell silent.","status":"DEADLINE_EXCEEDED"}}';

  it("ends a JSON array with an error element", () => {
    const transform = unwrapAnswer({ streamForm: "json-array" });
    const sent = String(transform.push(Buffer.from(`${events("\n")}data: {"respo`)));
    const whole = sent + String(transform.fail(error));
    assert.equal(whole, `${arrayOut.slice(0, -1)},\r\n${element}]`);
    JSON.parse(whole);
    assert.equal(String(unwrapAnswer({ streamForm: "json-array" }).fail(error)), `[${element}]`);
  });

  it("names Google's status for each kind of error", () => {
    const status = (code: ConstructorParameters<typeof RelayError>[0]) =>
      JSON.parse(String(unwrapAnswer({ streamForm: "json-array" }).fail(new RelayError(code, "x"))))[0].error;
    assert.deepEqual(status("upstream_unreachable"), { code: 502, message: "x", status: "UNAVAILABLE" });
    assert.deepEqual(status("over_capacity"), { code: 503, message: "x", status: "UNAVAILABLE" });
    assert.deepEqual(status("all_limited"), { code: 429, message: "x", status: "RESOURCE_EXHAUSTED" });
    assert.deepEqual(status("internal"), { code: 500, message: "x", status: "INTERNAL" });
  });

  it("is broken off in every other form", () => {
    for (const streamForm of ["sse", undefined] as const) {
      assert.equal(unwrapAnswer({ streamForm }).fail(error), undefined);
    }
  });
});

it("says which form the answer has", () => {
  const type = (transform: AnswerTransform) => transform.headers;
  assert.deepEqual(type(unwrapAnswer({ streamForm: "sse" })), ["content-type", "text/event-stream"]);
  for (const streamForm of ["json-array", undefined] as const) {
    assert.deepEqual(type(unwrapAnswer({ streamForm })), ["content-type", "application/json; charset=UTF-8"]);
  }
});

it("nothing grows beyond 64 MiB: such an answer is broken off", () => {
  const piece = Buffer.alloc(8 * 1024 * 1024, "x");
  for (const streamForm of ["sse", "json-array", undefined] as const) {
    const transform = unwrapAnswer({ streamForm });
    assert.throws(() => {
      transform.push(Buffer.from("data: "));
      for (let count = 0; count < 9; count++) transform.push(piece);
      transform.push(Buffer.from("\n\n"));
    }, /more than 64 MiB/);
  }
});

it("an event with more lines than any real one has is no answer, and costs no time", () => {
  const transform = unwrapAnswer({ streamForm: "sse" });
  const lines = `data: {"response":{"a":[\n${"data: [],\n".repeat(100_000)}data: 1]}}\n\n`;
  assert.throws(() => transform.push(Buffer.from(lines)), /before it was whole/);
  const fewer = `data: {"response":{"a":[\n${"data: [],\n".repeat(1000)}data: 1]}}\n\n`;
  assert.equal(unwrapAnswer({ streamForm: "sse" }).push(Buffer.from(fewer)).toString().split("\n").length, 3);
});

it("many small pieces of one large event cost linear time", () => {
  const started = threadTime();
  const transform = unwrapAnswer({ streamForm: "sse" });
  transform.push(Buffer.from('data: {"response":{"t":"'));
  const piece = Buffer.from("abcdefgh");
  for (let count = 0; count < 250_000; count++) transform.push(piece);
  const out = transform.push(Buffer.from('"}}\n\n'));
  assert.equal(out.length, 'data: {"t":""}\r\n\r\n'.length + 2_000_000);
  assert.ok(threadTime() - started < 3000);
});

describe("an answer whose response is not reached", () => {
  const lists = `{"x":[${"[],".repeat(2_000_000)}1],"response":{}}`;
  for (const [form, text] of [
    ["sse", `data: ${lists}\n\n`],
    ["json-array", `data: ${lists}\n\n`],
    [undefined, lists],
  ] as const) {
    it(`is not passed over in silence (${form ?? "document"})`, () => {
      assert.throws(() => run(form, Buffer.from(text), []), RelayError);
    });
  }
});
