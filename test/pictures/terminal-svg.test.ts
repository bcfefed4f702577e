// Terminal screens as SVG: every character in its column, colours kept, nothing that acts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drawTerminal } from "./terminal-svg.ts";

const draw = (...lines: string[]) => drawTerminal({ title: "cc-relay top", lines, columns: 40 });
const texts = (svg: string) => [...svg.matchAll(/<text x="([\d.]+)" y="[\d.]+" textLength[^>]*>([^<]*)</g)];

test("words are where their columns are, also behind colours", () => {
  const svg = draw("ab  \u001b[31mcd\u001b[39m e\u001b[1m", "  x\u001b[0m");
  const [first, second, third, fourth] = texts(svg).map(([, x, text]) => [Number(x), text]);
  assert.deepEqual([first?.[1], second?.[1], third?.[1], fourth?.[1]], ["ab", "cd", "e", "x"]);
  const column = (at: number) => Math.round((16 + at * 8.4) * 10) / 10;
  assert.deepEqual([first?.[0], second?.[0], third?.[0], fourth?.[0]], [0, 4, 7, 2].map(column));
  assert.match(svg, /fill="#f07178">cd</);
  assert.match(svg, /font-weight="700">x</);
});

test("blocks are shapes as wide as what they stand for", () => {
  const svg = draw("\u001b[32m██▌░░░░\u001b[39m 31%");
  assert.match(svg, /<rect x="16" y="[\d.]+" width="21" height="13" fill="#8fd46f"\/>/);
  assert.match(svg, /<rect x="37" y="[\d.]+" width="4.2" height="13" fill="#8fd46f" opacity="0.22"\/>/);
  assert.match(svg, /<rect x="41.2" y="[\d.]+" width="33.6" height="13" fill="#8fd46f" opacity="0.22"\/>/);
  assert.deepEqual(
    texts(svg).map(([, , text]) => text),
    ["31%"],
  );
});

test("what a name holds is text", () => {
  const svg = draw('<script>alert("x")</script> & more');
  assert.doesNotMatch(svg, /<script/);
  assert.match(svg, /&lt;script&gt;alert\("x"\)&lt;\/script&gt; &amp; more/);
});
