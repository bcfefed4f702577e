// Holds every regular expression of src/ to linear time: their texts come from providers, clients and files.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { type BuiltExpression, builtExpressions, constructionsIn } from "./support/built-expressions.ts";
import { expressionsIn, piecesOf } from "./support/expressions.ts";

const root = join(import.meta.dirname, "..", "src");
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));

/** What makes an expression only when it is called, with what it would be given. */
const calls = {
  "text/redact.ts": ({ redact }) => redact?.("a text with s3c.t+ in it", ["s3c.t+"]),
} satisfies Parameters<typeof builtExpressions>[2];

/** For the longest text a quadratic expression needs much more, most linear ones less than 1 ms. */
const maxMs = (length: number) => Math.max(25, (25 * length) / 65_536);
/** Doubling a text squares the time of an exponential expression: from so much on the steps are small, or it never ends. */
const smallStepsMs = 0.005;
const longest = process.env.CC_RELAY_FULL === undefined ? 65_536 : 262_144;
const lengths = [
  ...Array.from({ length: 25 }, (_, step) => 16 + 2 * step),
  ...[256, 1024, 4096, 16_384, 65_536, 262_144].filter((length) => length <= longest),
];
const isBetween = (length: number) => length < 64 && length % 16 !== 0;

/** Grows the text step by step, so that an exponential expression is found before it hangs. */
function slowestText(pattern: string, flags: string): string | undefined {
  const expression = new RegExp(pattern, flags.replace("g", ""));
  const pieces = ["", ...piecesOf(pattern, flags)].slice(0, 40);
  const words = pieces.filter((piece) => piece.length > 1).map((piece) => `${piece} `);
  const pumps = [...new Set([...pieces.filter((piece) => piece !== ""), ...words, "a", " ", "1", "\n"])];
  const slow = (prefix: string, pump: string, suffix: string) => {
    let ms = 0;
    for (const length of lengths) {
      if (isBetween(length) && ms < smallStepsMs) continue;
      const text = prefix + pump.repeat(Math.ceil(length / pump.length)) + suffix;
      ms = measure(expression, text);
      if (ms > maxMs(length) && measureCpu(expression, text) > maxMs(length)) return true;
      // Four times the text takes sixteen times as long at most, if not more than quadratic: that was found by now.
      if (length >= 4096 && ms * (longest / length) ** 2 < maxMs(longest)) return false;
    }
    return false;
  };
  for (const pump of pumps) {
    for (const prefix of new Set(["", ...pieces.slice(0, 12)])) {
      for (const suffix of ["", "\u0001"]) {
        if (slow(prefix, pump, suffix)) return JSON.stringify([prefix, pump, suffix]);
      }
    }
  }
  return undefined;
}

function measure(expression: RegExp, text: string): number {
  expression.lastIndex = 0;
  const begun = performance.now();
  expression.test(text);
  return performance.now() - begun;
}

/** What another program takes of the processor does not count. */
function measureCpu(expression: RegExp, text: string): number {
  expression.lastIndex = 0;
  const begun = process.threadCpuUsage();
  expression.test(text);
  return process.threadCpuUsage(begun).user / 1000;
}

describe("the check itself", () => {
  for (const expression of [/(a+)+b/, /<title[^>]*>x/, /\bmodel\b.*\bnot exist/, /\s+$/, /^(?:a|aa)+$/]) {
    it(`finds that ${expression.source} is not linear`, () => {
      assert.notEqual(slowestText(expression.source, expression.flags), undefined);
    });
  }

  it("finds expressions between comments, strings, templates and divisions", () => {
    const source = [
      "const a = b / c / d; // /no/",
      'x("/no/", `/$' + '{y.replace(/in"ner/g, "")}/no/`);',
      'return /[/"]x/u.test(a) /* /no/ */;',
    ].join("\n");
    assert.deepEqual(
      expressionsIn(source).map(({ pattern, flags }) => [pattern, flags]),
      [
        ['in"ner', "g"],
        ['[/"]x', "u"],
      ],
    );
  });
});

describe("expressions that are put together", () => {
  let built: BuiltExpression[] = [];
  before(async () => {
    built = await builtExpressions(root, files, calls);
  });

  it("are found wherever a file makes one, and none is left unmade here", () => {
    const places = files.flatMap((file) => constructionsIn(file, readFileSync(join(root, file), "utf8")));
    assert.ok(places.length > 10, `only ${places.length} places`);
    const made = new Set(built.map(({ place }) => place));
    assert.deepEqual(
      places.filter((place) => !made.has(place)),
      [],
    );
  });

  it("take linear time", () => {
    const slow = built.flatMap(({ place, pattern, flags }) => {
      const text = slowestText(pattern, flags);
      return text === undefined ? [] : [`${place}: /${pattern}/${flags} on ${text}`];
    });
    assert.deepEqual(slow, []);
  });
});

for (const file of files) {
  const expressions = expressionsIn(readFileSync(join(root, file), "utf8"));
  if (expressions.length === 0) continue;
  it(`${file}: every expression takes linear time`, () => {
    const slow = expressions.flatMap(({ pattern, flags, line }) => {
      const text = slowestText(pattern, flags);
      return text === undefined ? [] : [`line ${line}: /${pattern}/${flags} on ${text}`];
    });
    assert.deepEqual(slow, []);
  });
}
