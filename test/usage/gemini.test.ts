import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { observeGemini } from "../../src/usage/gemini.ts";
import { anyObject } from "../../src/usage/observer.ts";
import { draws } from "../support/draws.ts";
import { assertReads, blank, dataOnly, openings, type Reading, readAll, readingOf } from "./reading.ts";

type Form = "json" | "sse" | "json-array";

/** The form is what is written; only an array has to be one that was asked for. */
const make =
  (form: Form, wrapped = false) =>
  () =>
    observeGemini({ shape: { ...anyObject, mayBeArray: form !== "json" }, wrapped });

const chunk = (more: object = {}, parts: object[] = [{ text: 'größer 😀 "usageMetadata": {' }]) => ({
  candidates: [{ content: { role: "model", parts }, index: 0 }],
  ...more,
  modelVersion: "gemini-3.8-flash",
  responseId: "r1",
});
const finished = (more: object = {}) =>
  chunk({ candidates: [{ content: { parts: [{ text: "" }] }, finishReason: "STOP", index: 0 }], ...more });
const usage = {
  promptTokenCount: 100,
  cachedContentTokenCount: 30,
  toolUsePromptTokenCount: 5,
  candidatesTokenCount: 20,
  thoughtsTokenCount: 7,
  totalTokenCount: 132,
};
const tokens = { input: 75, output: 27, cacheWrite5m: 0, cacheWrite1h: 0, cacheRead: 30, reasoning: 7 };
const known: Reading = { ...blank, reported: true, model: "gemini-3.8-flash", tokens };
const quota = { error: { code: 429, message: "quota", status: "RESOURCE_EXHAUSTED" } };

/** The answer's documents in the way each form writes them. */
const forms: Record<string, { form: Form; write(documents: object[]): string }> = {
  "an event stream": { form: "sse", write: (documents) => documents.map(dataOnly).join("") },
  "an event stream with carriage returns": {
    form: "sse",
    write: (documents) => documents.map(dataOnly).join("").replaceAll("\n", "\r\n"),
  },
  "an array": {
    form: "json-array",
    write: (documents) =>
      `[${documents.map((document) => JSON.stringify(document, undefined, 1)).join(",\r\n")}\n]`,
  },
};

/** One answer, however it is written. */
const answers: Record<string, [documents: object[], expected: Reading]> = {
  "figures in the last chunk only": [[chunk(), chunk(), finished({ usageMetadata: usage })], known],
  "running totals, of which the last counts": [
    [
      chunk({ usageMetadata: { ...usage, candidatesTokenCount: 3, thoughtsTokenCount: 2 } }),
      chunk({ usageMetadata: { ...usage, candidatesTokenCount: 11 } }),
      finished({ usageMetadata: usage }),
    ],
    known,
  ],
  "figures that are missing or null later, which change nothing": [
    [
      chunk({
        usageMetadata: { cachedContentTokenCount: 30, toolUsePromptTokenCount: 5, thoughtsTokenCount: 7 },
      }),
      finished({
        usageMetadata: { promptTokenCount: 100, thoughtsTokenCount: null, candidatesTokenCount: 20 },
      }),
    ],
    known,
  ],
  "more cached than prompted tokens": [
    [finished({ usageMetadata: { promptTokenCount: 10, cachedContentTokenCount: 30 } })],
    { ...known, tokens: { ...tokens, input: 0, output: 0, reasoning: 0 } },
  ],
  "a prompt that was blocked": [
    [
      {
        promptFeedback: { blockReason: "SAFETY" },
        usageMetadata: { promptTokenCount: 9 },
        modelVersion: "m",
      },
    ],
    { ...known, model: "m", tokens: { ...blank.tokens, input: 9 } },
  ],
  "no figures at all": [[chunk(), finished()], { ...blank, model: "gemini-3.8-flash" }],
  "figures that are none": [
    [
      finished({
        usageMetadata: { promptTokenCount: "9", candidatesTokenCount: -3, thoughtsTokenCount: [] },
      }),
    ],
    { ...blank, model: "gemini-3.8-flash" },
  ],
  "figures that are large, and some that no count can be": [
    [
      finished({
        usageMetadata: { promptTokenCount: 2 ** 53 - 1, candidatesTokenCount: 1e21, thoughtsTokenCount: 1.5 },
      }),
    ],
    { ...known, tokens: { ...blank.tokens, input: 2 ** 53 - 1 } },
  ],
  "nested members of the same names": [
    [
      chunk({}, [
        { functionCall: { name: "f", args: { usageMetadata: usage, error: {}, finishReason: "STOP" } } },
      ]),
      finished({ usageMetadata: usage }),
    ],
    known,
  ],
};

describe("observeGemini on a stream", () => {
  for (const [form, { form: name, write }] of Object.entries(forms)) {
    for (const [title, [documents, expected]] of Object.entries(answers)) {
      it(`reads ${title} from ${form}, cut anywhere`, () => {
        assertReads(make(name), write(documents), expected);
        const envelopes = documents.map((response) => ({ response, traceId: "t" }));
        assertReads(make(name, true), write(envelopes), expected);
      });
    }

    it(`takes an error that comes first in ${form} for a failed opening`, () => {
      for (const wrapped of [false, true]) {
        const reading = readAll(make(name, wrapped)(), [Buffer.from(write([quota]))]);
        assert.deepEqual(reading.opening, { kind: "error", event: quota });
      }
    });

    it(`notes an error that comes after content in ${form}`, () => {
      const first = chunk({ usageMetadata: usage });
      const expected: Reading = { ...known, complete: name === "json-array", lateError: quota };
      assertReads(make(name), write([first, quota]), expected);
      assertReads(make(name, true), write([{ response: first }, quota]), expected);
    });
  }

  it("notes an error that comes as bare JSON, in one line or many, alone or in an array", () => {
    const first = chunk({ usageMetadata: usage });
    for (const text of [
      JSON.stringify(quota),
      JSON.stringify(quota, undefined, 2),
      `[${JSON.stringify(quota)}]`,
    ]) {
      assertReads(make("sse"), text, { ...blank, opening: { kind: "error", event: quota } });
      assertReads(make("sse"), dataOnly(first) + text, { ...known, lateError: quota });
      assertReads(make("sse", true), `${dataOnly({ response: first })}${text}\n`, {
        ...known,
        lateError: quota,
      });
    }
  });

  it("reads data of several lines", () => {
    const text = `data: ${JSON.stringify({ response: finished({ usageMetadata: usage }) }, undefined, 1).replaceAll("\n", "\ndata: ")}\n\n`;
    assertReads(make("sse", true), text, known);
  });

  it("reads envelopes without a response as content without figures", () => {
    assertReads(make("sse", true), dataOnly({ traceId: "t", consumedCredits: [] }), {
      ...blank,
      complete: false,
    });
  });

  it("is complete with a finish reason or a blocked prompt, and not before", () => {
    const observer = make("sse")();
    observer.push(
      Buffer.from(dataOnly(chunk({ candidates: [{ finishReason: "FINISH_REASON_UNSPECIFIED" }] }))),
    );
    observer.push(Buffer.from(dataOnly(chunk({ promptFeedback: { safetyRatings: [] } }))));
    assert.equal(observer.complete, false);
    observer.push(Buffer.from(dataOnly({ candidates: [{ finishReason: "MAX_TOKENS" }] })));
    assert.equal(observer.complete, true);
  });

  it("is complete when the last of several candidates has its finish reason", () => {
    const observer = make("sse")();
    const complete = (...candidates: object[]) => {
      observer.push(Buffer.from(dataOnly(chunk({ candidates }))));
      return observer.complete;
    };
    assert.equal(complete({ index: 0 }, { index: 1 }), false);
    assert.equal(complete({ index: 0 }, { index: 1, finishReason: "STOP" }), false);
    assert.equal(complete({ index: 1 }), false, "what comes behind a candidate's end does not reopen it");
    assert.equal(complete({ index: 0, finishReason: "MAX_TOKENS" }), true);
  });

  it("counts what comes behind the finish reason", () => {
    const last = { usageMetadata: usage, modelVersion: "gemini-3.8-flash" };
    assertReads(
      make("sse"),
      dataOnly(finished({ usageMetadata: { promptTokenCount: 1 } })) + dataOnly(last),
      known,
    );
  });

  it("takes an array for complete only when it is closed", () => {
    const observer = make("json-array")();
    observer.push(Buffer.from(`[${JSON.stringify(finished({ usageMetadata: usage }))}\n`));
    assert.deepEqual(readingOf(observer), { ...known, complete: false });
    observer.push(Buffer.from("]"));
    assert.deepEqual(readingOf(observer), known);
    assertReads(make("json-array"), "[]", { ...blank, opening: { kind: "pending" } });
  });

  it("knows the opening as soon as the first document is there, and not before", () => {
    const first = JSON.stringify({ candidates: [] });
    assert.equal(
      openings(make("sse")(), `: c\n\n\n${`data: ${first}\n\n`}`),
      `pending ${first.length + 13}, content 1`,
    );
    assert.equal(openings(make("json-array")(), `[${first}`), `pending ${first.length}, content 1`);
    const error = JSON.stringify(quota);
    assert.equal(openings(make("sse")(), `\n${error}`), `pending ${error.length}, error 1`);
  });

  it("reads a chunk with an image of five megabytes", () => {
    const data = "A".repeat(5_000_000);
    for (const { form, write } of Object.values(forms)) {
      const image = chunk({ usageMetadata: usage }, [{ inlineData: { mimeType: "image/png", data } }]);
      const bytes = Buffer.from(write([image, finished()]));
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += 16_384) chunks.push(bytes.subarray(at, at + 16_384));
      assert.deepEqual(readAll(make(form)(), chunks), known);
    }
  });

  it("does not take an answer for truncated because its last chunk is too large to be read", () => {
    const observer = make("sse")();
    const piece = Buffer.alloc(1 << 20, "A");
    observer.push(Buffer.from('data: {"candidates":[{"content":{"parts":[{"inlineData":{"data":"'));
    for (let sent = 0; sent <= 32; sent++) observer.push(piece);
    observer.push(Buffer.from('"}}]},"finishReason":"STOP"}]}\n\n'));
    assert.deepEqual(readingOf(observer), blank);
  });
});

describe("observeGemini on a JSON answer", () => {
  it("reads the usage of the document, cut anywhere", () => {
    assertReads(make("json"), JSON.stringify(finished({ usageMetadata: usage }), undefined, 2), known);
    assertReads(make("json", true), JSON.stringify({ response: finished({ usageMetadata: usage }) }), known);
  });

  it("reads the usage of embeddings where there is any", () => {
    assertReads(make("json"), '{"embedding":{"values":[0.1,-2e-3]}}', blank);
    assertReads(make("json"), '{"embeddings":[],"usageMetadata":{"promptTokenCount":4}}', {
      ...blank,
      reported: true,
      tokens: { ...blank.tokens, input: 4 },
    });
  });

  it("takes an error for a failed opening, alone or in the array of a stream", () => {
    const failed: Reading = { ...blank, opening: { kind: "error", event: quota } };
    assertReads(make("json"), JSON.stringify(quota), failed);
    assertReads(make("json-array"), `[${JSON.stringify(quota, undefined, 2)}\n]\n`, failed);
  });

  it("is incomplete until the document closes", () => {
    const observer = make("json")();
    observer.push(Buffer.from(JSON.stringify(finished({ usageMetadata: usage })).slice(0, -1)));
    assert.deepEqual(readingOf(observer), { ...blank, complete: false, opening: { kind: "pending" } });
  });
});

describe("observeGemini on garbage", () => {
  const pieces = [
    'data: {"usageMetadata":{"promptTokenCount":1e999,"cachedContentTokenCount":5}}\n\n',
    'data: {"candidates":[1,{"finishReason":{}},',
    "data: [{}]\n\n",
    'data: {"error":null,"response":7}\n\n',
    "{",
    "[",
    '"',
    "\\",
    "}",
    "]",
    ",",
    "\n",
    "\r",
  ];
  it("never throws, and never counts below nothing", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Form>("json", "sse", "json-array"),
        fc.boolean(),
        fc.array(fc.oneof(fc.constantFrom(...pieces).map(Buffer.from), fc.uint8Array().map(Buffer.from)), {
          maxLength: 12,
        }),
        (form, wrapped, chunks) => {
          const reading = readAll(make(form, wrapped)(), chunks);
          for (const figure of Object.values(reading.tokens))
            assert.ok(figure >= 0 && Number.isFinite(figure));
        },
      ),
      { numRuns: draws(2000) },
    );
  });
});
