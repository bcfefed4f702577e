import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  firstElements,
  readBoolean,
  readSpan,
  readString,
  type SoughtKey,
  type Span,
  scanMembers,
  scanObject,
} from "../../src/json/json-scan.ts";
import { draws } from "../support/draws.ts";
import { threadTime } from "../support/thread-time.ts";

const plain = ["model", "stream", "metadata", "a.b-c"];
const names = [...plain, "", 'q"\\', "q\\b"];

/** What JSON.parse says about the wanted members; undefined when the text is no object. */
function expected(text: string, wanted: readonly string[]): Map<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const object = value as Record<string, unknown>;
  return new Map(wanted.filter((name) => Object.hasOwn(object, name)).map((name) => [name, object[name]]));
}

function scanned(body: Buffer, wanted: readonly string[]): Map<string, unknown> | undefined {
  const members = scanMembers(body, wanted);
  if (!members) return undefined;
  const values = new Map<string, unknown>();
  for (const name of wanted) {
    const span = members.get(name);
    if (span) values.set(name, JSON.parse(body.toString("utf8", span.start, span.end)));
  }
  return values;
}

function assertAgrees(text: string, wanted: readonly string[] = plain): void {
  const body = Buffer.from(text);
  const shown = text.length > 300 ? `${text.slice(0, 150)}…${text.slice(-150)}` : text;
  assert.deepEqual(scanned(body, wanted), expected(body.toString(), wanted), shown);
}

/** Ten kilobytes that a native search leaps over. */
const filler = JSON.stringify("x ".repeat(5000));
const nasty = JSON.stringify(`\\" \\\\" {"model":1} \\u006d [}] é 😀 ${'\\"'.repeat(40)} `.repeat(120));

describe("scanMembers", () => {
  const fillers = {
    nothing: '"pad":0',
    text: `"pad":${filler}`,
    quotes: `"pad":${nasty}`,
    letters: `"pad":"${'mod str \\"'.repeat(1000)}"`,
  };
  for (const [kind, pad] of Object.entries(fillers)) {
    const bodies: Record<string, string> = {
      "a plain body": `{"model":"m",${pad},"stream":true}`,
      "the name in the middle only": `{"x":1,${pad},"model":"m",${pad},"stream":false}`,
      "a duplicate in the middle": `{"model":"a",${pad},"model":"b",${pad},"z":1}`,
      "a duplicate at both ends": `{"model":"a",${pad},"model":{"b":[1]}}`,
      "a duplicate with an escaped name": `{"model":"a",${pad},"\\u006dodel":"b",${pad},"z":1}`,
      "an escaped name in capitals of hex": `{"model":"a",${pad},"\\u006Dod\\u0065l":"b",${pad}}`,
      "an escaped backslash before what looks like an escape": `{"model":"a",${pad},"\\\\u006dodel":"b",${pad}}`,
      "a nested key of the same name": `{"model":"a",${pad},"x":{"model":"b","y":[{"model":"c"}]},${pad}}`,
      "a member that a nested key of the same name follows": `{"x":1,${pad},"model":"a","stream":1,${pad},"y":{"stream":2,"model":"b"},${pad},"z":1}`,
      "names with quotes and backslashes": `{"q\\"\\\\":1,${pad},"q\\\\":2,"q":3,"q\\b":4}`,
      "a string that equals the name": `{"model":"a",${pad},"x":["model","model"],${pad},"y":"model"}`,
      "a string that looks like a member": `{"x":"\\"model\\":1",${pad},"y":"{\\"model\\":2}","z":"\\\\"}`,
      "backslashes before closing quotes": `{"x":"\\\\","model":"\\\\\\\\",${pad},"y":"\\\\\\"","stream":true,"w":"\\""}`,
      "odd white space": `\n\t {\r\n "model" \t:\n "m" , ${pad}\n,\t"stream"\r:\ttrue\n}\r\n \t`,
      "the wanted member itself large": `{"x":1,"metadata":${nasty},${pad},"y":[[[]]]}`,
      "large numbers, literals and empty values": `{"model":-1.5E+300,${pad},"stream":null,"metadata":{},"a.b-c":[],"":""}`,
      "a name with a letter beyond ASCII": `{"größe":1,${pad},"gr\\u00f6\\u00dfe":2,${pad}}`,
      "brackets and braces inside strings": `{"x":"]}","model":"[{",${pad},"y":"}{","z":["]"]}`,
      "half a surrogate pair": `{"model":"\\ud83d",${pad},"stream":"\\ude00"}`,
      __proto__: `{"__proto__":{"model":"b"},${pad},"model":"a"}`,
      "two members of nothing but escapes": `{"\\u006d\\u006f\\u0064\\u0065\\u006c":1,${pad},"\\u0073tream":2}`,
      "many harmless escapes": `{"model":"a",${pad},"x":"${"\\u001b[0m\\u00e9".repeat(400)}",${pad}}`,
      "many tempting escapes": `{"model":"a",${pad},"x":"${"\\u006d".repeat(400)}","model":"b",${pad}}`,
      "many strings that equal the name": `{"model":"a","x":[${'"model",'.repeat(1200)}0],"model":"b",${pad},"y":[${'"model",'.repeat(1200)}0]}`,
      "many nested keys": `{"model":"a","x":[${'{"model":1},'.repeat(400)}0],${pad},"z":1}`,
    };
    for (const [title, text] of Object.entries(bodies)) {
      it(`finds what JSON.parse finds in ${title}, with ${kind} between`, () => {
        assert.ok(expected(text, names), "the test's own JSON is valid");
        assertAgrees(text, plain);
        assertAgrees(text, names);
        for (const name of names) assertAgrees(text, [name]);
      });
    }
  }

  const noObjects: Record<string, string> = {
    nothing: "",
    "white space": " \n",
    "an array": '[{"model":"m"}]',
    "a string": '"model"',
    "a number": "12",
    null: "null",
    "a byte order mark": '\ufeff{"model":"m"}',
    "an object that never ends": '{"model":"m"',
    "an object cut in a string": '{"model":"m","x":"abc',
    "an object cut behind a backslash": '{"model":"m","x":"abc\\',
    "a missing value": '{"model":}',
    "a missing colon": '{"model" "m"}',
    "a missing comma": '{"model":"m" "x":1}',
    "a comma too many": '{"model":"m",}',
    "a key without quotes": '{model:"m"}',
    "something behind the object": '{"model":"m"}x',
    "two objects": '{"model":"m"}{"model":"n"}',
    "form data": "model=m&stream=true",
  };
  for (const [title, text] of Object.entries(noObjects)) {
    it(`has nothing to say about ${title}`, () => {
      assert.equal(expected(text, names), undefined, "the test's own text is not an object");
      assert.equal(scanMembers(Buffer.from(text), names), undefined);
    });
  }

  it("reads documents nested 100,000 deep", () => {
    const deep = `${"[".repeat(100_000)}"model"${"]".repeat(100_000)}`;
    const body = Buffer.from(
      `{"model":"a","x":${deep},"y":${deep.replaceAll("[", '{"model":').replaceAll("]", "}")}}`,
    );
    assert.equal(readString(body, scanMembers(body, ["model"])?.get("model")), "a");
  });

  it("takes bytes that are no UTF-8 for what JSON.parse takes them after decoding", () => {
    const pad = Buffer.from(`,"pad":${filler},`);
    const body = Buffer.concat([
      Buffer.from('{"model":"a\xff\xc3","\xc3":"b","mode\xcc":"c"', "latin1"),
      pad,
      Buffer.from('"stream":"\xe2\x82"}', "latin1"),
    ]);
    assert.deepEqual(scanned(body, plain), expected(body.toString(), plain));
  });

  const space = fc.constantFrom("", "", "", "", " ", "\n  ", "\t", "\r\n");
  const scalar = fc.constantFrom(
    "1",
    "-0.5e3",
    "true",
    "null",
    '""',
    '"model"',
    '"\\"model\\":"',
    '"\\\\"',
    '"\\\\\\""',
    '"\\u006d\\u00e9"',
    '"größe 😀"',
    '"]}"',
    filler,
    nasty,
  );
  const key = fc
    .tuple(
      fc.oneof(fc.constantFrom(...names, "messages", "x"), fc.string({ unit: "grapheme", maxLength: 4 })),
      fc.array(fc.boolean(), { maxLength: 4 }),
    )
    .map(([name, escaped]) => {
      const letters = [...name].map((letter, i) =>
        escaped[i] && letter.length === 1
          ? `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`
          : JSON.stringify(letter).slice(1, -1),
      );
      return `"${letters.join("")}"`;
    });
  const { object } = fc.letrec<{ object: string; value: string }>((tie) => ({
    value: fc.oneof(
      { weight: 6, arbitrary: scalar },
      { weight: 1, arbitrary: tie("object") },
      {
        weight: 1,
        arbitrary: fc.array(tie("value"), { maxLength: 3 }).map((values) => `[${values.join(", ")}]`),
      },
    ),
    object: fc
      .tuple(space, fc.array(fc.tuple(key, space, tie("value"), space), { maxLength: 6 }))
      .map(([lead, members]) => {
        const written = members.map(
          ([name, before, value, after]) => `${name}${before}:${after}${value}${before}`,
        );
        return `${lead}{${lead}${written.join(`,${lead}`)}${lead}}${lead}`;
      }),
  }));

  it("agrees with JSON.parse on any valid object", () => {
    fc.assert(
      fc.property(object, fc.oneof(fc.subarray(plain), fc.subarray(names)), (text, wanted) =>
        assertAgrees(text, wanted),
      ),
      { numRuns: draws(5000) },
    );
  });

  it("agrees with JSON.parse when white space moves the ends of what is read first", () => {
    for (let shift = 0; shift < 200; shift++) {
      const lead = " ".repeat(1950 + shift);
      const trail = " ".repeat(4000 + shift - 100);
      assertAgrees(`{"x":"${lead}","model":1234567890,"stream":[true,false],"y":${filler}}`);
      assertAgrees(`{"x":"${lead}",  "model" : "m" , "y":${filler}}`);
      assertAgrees(`{${lead}"model":"a\\\\\\"","x":${nasty},"model":"b\\\\\\"","y":"\\\\\\\\"${trail}}`);
    }
    for (let shift = 0; shift < 200; shift++) {
      const text = `{"m":1,"x":"${"\\\\".repeat(3000 + (shift >> 1))}${shift % 2 ? "\\n" : ""}","model":"${"\\".repeat(2 * (1900 + shift))}"}`;
      assertAgrees(text);
    }
  });

  it("neither throws nor hangs on damaged documents", () => {
    const damage = fc.record({
      at: fc.nat(40_000),
      kind: fc.constantFrom("cut", "drop", "insert"),
      byte: fc.constantFrom(...Buffer.from('"\\{}[],: x\u0000')),
    });
    fc.assert(
      fc.property(object, fc.array(damage, { minLength: 1, maxLength: 3 }), (text, damages) => {
        let body = Buffer.from(text);
        for (const { at, kind, byte } of damages) {
          const place = at % (body.length + 1);
          const rest = kind === "cut" ? Buffer.alloc(0) : body.subarray(kind === "drop" ? place + 1 : place);
          body = Buffer.concat([body.subarray(0, place), Buffer.from(kind === "insert" ? [byte] : []), rest]);
        }
        const members = scanMembers(body, names);
        for (const span of members?.values() ?? []) {
          assert.ok(span.start >= 0 && span.start < span.end && span.end <= body.length);
          readSpan(body, span);
          for (const element of firstElements(body, span)) assert.ok(element.start < element.end);
        }
      }),
      { numRuns: draws(2000) },
    );
  });
});

describe("a key at any depth", () => {
  const fileId: SoughtKey = { key: "file_id", accepts: (value) => value.startsWith("file_") };
  const sealed: SoughtKey = { key: "sealed", accepts: (value) => value !== "" };
  const strings = (text: string) => {
    const found = scanObject(Buffer.from(text), ["model"], [fileId, sealed]);
    return found && Object.fromEntries(found.strings);
  };

  const bodies: Record<string, [text: string, found: Record<string, string>]> = {
    "in the object itself": ['{"file_id":"file_1"}', { file_id: "file_1" }],
    "deep inside": ['{"a":[{"b":{"file_id" :\n"file_1"}}],"model":"m"}', { file_id: "file_1" }],
    "written with escapes": ['{"a":{"\\u0066ile\\u005Fid":"file_1"}}', { file_id: "file_1" }],
    "twice: the first that is accepted": [
      '{"a":{"file_id":"other"},"b":[{"file_id":"file_1"},{"file_id":"file_2"}]}',
      { file_id: "file_1" },
    ],
    "beside another one": ['{"a":{"sealed":"s","file_id":"file_1"}}', { sealed: "s", file_id: "file_1" }],
    "inside of a string": [
      JSON.stringify({ a: '{"file_id":"file_1"}', b: '\\"file_id\\":\\"file_2\\"' }),
      {},
    ],
    "as a value": ['{"a":["file_id","file_1"],"b":"file_id","c":{"x":"sealed"}}', {}],
    "with another kind of value": ['{"a":{"file_id":["file_1"]},"b":{"file_id":1},"sealed":null}', {}],
    "without a value": ['{"a":{"sealed":""}}', {}],
    "longer or shorter": ['{"file_ids":"file_1","file_i":"file_2","xfile_id":"file_3"}', {}],
  };
  for (const [title, [text, found]] of Object.entries(bodies)) {
    it(title, () => assert.deepEqual(strings(text), found));
  }

  it("is not read on where it is met without end", () => {
    const text = `{"a":[${'{"file_id":"no"},'.repeat(300)}{"file_id":"file_1","sealed":"s"}]}`;
    assert.deepEqual(strings(text), { sealed: "s" });
  });
});

describe("the work of a scan", () => {
  const model = '"model":"m"';
  const million = 1_000_000;
  /** What a client could send to hold everybody up: so many times this, in an object; each took up to two seconds. */
  const floods: Record<string, [before: string, piece: string, times: number, after: string]> = {
    "four million keys in escapes": ["", '"\\u0061":1,', 4 * million, '"x":1'],
    "ten million members": ["", '"a":1,', 10 * million, '"x":1'],
    "twenty million strings": ['"x":[', '"",', 20 * million, "1]"],
    "thirty million escaped quotes": ['"x":"', '\\"', 30 * million, '"'],
    "sixty million backslashes": ['"x":"', "\\\\", 30 * million, '"'],
    "sixty million opening brackets": ['"x":', "[", 60 * million, ""],
    "sixty million blanks": ['"x":', " ", 60 * million, "1"],
    "sixty million blanks at the end": ['"x":1}', " ", 60 * million, ""],
    "sixty million digits": ['"x":', "1", 60 * million, ""],
    "four million sought keys": ['"x":[', '{"file_id":"x"},', 4 * million, "1]"],
  };
  /** For one after the other: making memory costs more than filling it. */
  const room = Buffer.allocUnsafeSlow(66 * million);
  const sought: SoughtKey[] = ["file_id", "container", "sealed"].map((key) => ({
    key,
    accepts: (value) => value.startsWith("file_"),
  }));
  for (const [title, [before, piece, times, after]] of Object.entries(floods)) {
    it(`stays below 50 ms for ${title}, and what came before them is found`, () => {
      const begun = room.write(`{${model},${before}`);
      const filled = begun + piece.length * times;
      const body = room.fill(piece, begun, filled).subarray(0, filled + room.write(`${after}}`, filled));
      let least = Number.POSITIVE_INFINITY;
      // A machine that is busy needs more than one try.
      for (let run = 0; run < 6 && least >= 50; run++) {
        const start = threadTime();
        const found = scanObject(body, [...plain, "input", "messages", "tools"], sought);
        least = Math.min(least, threadTime() - start);
        assert.equal(readString(body, found?.members.get("model")), "m");
      }
      assert.ok(least < 50, `${least} ms`);
    });
  }

  it("is enough for the largest requests there are", () => {
    const code = `export function add(a: number, b: number): number {\n  return a + b;\n}\nconst name = "value";\n`;
    const text = JSON.stringify({ x: code.repeat((6 * million) / (code.length + 5)), model: "m" });
    const body = Buffer.from(text);
    assert.equal(readString(body, scanMembers(body, ["model"])?.get("model")), "m");
  });
});

describe("reading a span", () => {
  const body = Buffer.from(
    '{"text":"a\\n\\u00e9é","yes":true,"no":false,"number":1,"null":null,"bad":1.2.3,"list":[true]}',
  );
  const members = scanMembers(body, ["text", "yes", "no", "number", "null", "bad", "list"])!;

  it("gives strings unescaped and nothing else as a string", () => {
    assert.equal(readString(body, members.get("text")), "a\néé");
    for (const name of ["yes", "number", "null", "list", "absent"]) {
      assert.equal(readString(body, members.get(name)), undefined, name);
    }
    assert.equal(
      readString(Buffer.from('"a\nb"'), { start: 0, end: 5 }),
      undefined,
      "a raw line break is no JSON",
    );
  });

  it("gives booleans and nothing else as a boolean", () => {
    assert.equal(readBoolean(body, members.get("yes")), true);
    assert.equal(readBoolean(body, members.get("no")), false);
    for (const name of ["text", "number", "null", "list", "absent"]) {
      assert.equal(readBoolean(body, members.get(name)), undefined, name);
    }
  });

  it("gives nothing that is larger than what is read so", () => {
    const long = Buffer.from(JSON.stringify("x".repeat(5_000_000)));
    assert.equal(readString(long, { start: 0, end: long.length }), undefined);
    const lists = Buffer.from(`[${"[],".repeat(100_000)}1]`);
    assert.equal(readSpan(lists, { start: 0, end: lists.length }), undefined);
  });

  it("gives any value, and undefined for what is no JSON", () => {
    assert.deepEqual(readSpan(body, members.get("list")), [true]);
    assert.equal(readSpan(body, members.get("null")), null);
    assert.equal(readSpan(body, members.get("bad")), undefined);
    assert.equal(readSpan(body, members.get("absent")), undefined);
  });
});

describe("firstElements", () => {
  const spans = (text: string) => {
    const body = Buffer.from(text);
    const span: Span = { start: 0, end: body.length };
    return [...firstElements(body, span)].map(({ start, end }) => body.toString("utf8", start, end));
  };

  it("gives the elements of an array one by one", () => {
    assert.deepEqual(spans('[ 1 ,"a,]",\n{"x":[1,2]} , [], null]'), [
      "1",
      '"a,]"',
      '{"x":[1,2]}',
      "[]",
      "null",
    ]);
    assert.deepEqual(spans("[]"), []);
    assert.deepEqual(spans("[ ]"), []);
  });

  it("gives some ten thousands at most: each of them is looked into", () => {
    const body = Buffer.from(`[${"[],".repeat(400_000)}1]`);
    const count = [...firstElements(body, { start: 0, end: body.length })].length;
    assert.ok(count > 10_000 && count < 20_000, `${count}`);
  });

  it("gives nothing for other values", () => {
    for (const text of ['{"a":1}', '"[1]"', "12", "null"]) assert.deepEqual(spans(text), [], text);
    assert.deepEqual([...firstElements(Buffer.from("[1]"), undefined)], []);
  });

  it("stops where an array is damaged", () => {
    assert.deepEqual(spans("[1 2]"), ["1"]);
    assert.deepEqual(spans("[1,"), ["1"]);
    assert.deepEqual(spans('["a","b'), ['"a"']);
    assert.deepEqual(spans("[,1]"), []);
  });

  it("leaves the rest unread when nobody asks for more", () => {
    const body = Buffer.from(`[{"role":"user"},${"x".repeat(1000)}`);
    const [first] = firstElements(body, { start: 0, end: body.length });
    assert.deepEqual(readSpan(body, first), { role: "user" });
  });

  it("agrees with JSON.parse on any array", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(0, 1, 3), (values, indent) => {
        assert.deepEqual(
          spans(JSON.stringify(values, undefined, indent)).map((text) => JSON.parse(text)),
          JSON.parse(JSON.stringify(values)),
        );
      }),
      { numRuns: draws(1000) },
    );
  });
});
