import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readPastedCode } from "../../src/oauth/pasted-code.ts";

test("a code is found in everything a person may paste", () => {
  const plain = { code: "CODE", state: undefined, redirect: undefined };
  const both = { code: "CODE", state: "STATE", redirect: undefined };
  const table: [string, unknown][] = [
    ["CODE#STATE", both],
    ["  CODE#STATE\n", both],
    ["CO\n  DE#STA\r\nTE", both],
    ['"CODE#STATE"', both],
    ["CODE", plain],
    ["CODE#", plain],
    ["CODE&state=x", plain],
    ["CODE#STATE&more", both],
    ["code=CODE&state=STATE", both],
    ["?code=CODE&state=STATE", both],
    [
      "http://localhost:54545/callback?code=CODE&state=STATE",
      { ...both, redirect: "http://localhost:54545/callback" },
    ],
    [
      "<https://page.example/oauth/code/callback?code=CODE&state=STATE>",
      { ...both, redirect: "https://page.example/oauth/code/callback" },
    ],
    [
      "http://127.0.0.1:1/oauth2callback?state=STATE&code=4%2F0AX",
      { code: "4/0AX", state: "STATE", redirect: "http://127.0.0.1:1/oauth2callback" },
    ],
    ["https://page.example/cb?code=CODE%23STATE", { ...both, redirect: "https://page.example/cb" }],
    ["https://page.example/cb#code=CODE&state=STATE", { ...both, redirect: "https://page.example/cb" }],
  ];
  for (const [text, pasted] of table) assert.deepEqual(readPastedCode(text), { ok: true, pasted }, text);
});

test("what holds no code says why", () => {
  const table: [string, RegExp][] = [
    ["", /no code/],
    ["   ", /no code/],
    ["#STATE", /no code/],
    ["https://page.example/start", /holds no code/],
    [
      "http://localhost:1/callback?error=access_denied&error_description=No,+thanks",
      /^the login was refused: No, thanks$/,
    ],
    ["error=access_denied", /^the login was refused: access_denied$/],
    ["http://", /no address/],
  ];
  for (const [text, problem] of table) {
    const read = readPastedCode(text);
    assert.ok(!read.ok, text);
    assert.match(read.problem, problem, text);
  }
});

test("nothing that is pasted makes it throw, and a code never holds blanks", () => {
  // Not fc.webUrl(): to make it costs more than a second.
  const parts = fc.array(
    fc.oneof(fc.string(), fc.constantFrom("code=", "state=", "&", "?", "#", "%20", "/")),
  );
  const address = parts.map((all) => `http://localhost/${all.join("")}`);
  fc.assert(
    fc.property(fc.oneof(fc.string(), address), (text) => {
      const read = readPastedCode(text);
      if (read.ok) assert.match(read.pasted.code, /^.+$/);
    }),
  );
});
