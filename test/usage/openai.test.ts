import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { AnswerObserver } from "../../src/usage/observer.ts";
import { observeOpenai } from "../../src/usage/openai.ts";
import { draws } from "../support/draws.ts";
import {
  assertReads,
  blank,
  bytewise,
  event,
  openings,
  type Reading,
  readAll,
  readingOf,
} from "./reading.ts";

const observeStream = () => observeOpenai();
const observeJson = () => observeOpenai();

const pending = {
  id: "resp_1",
  object: "response",
  status: "in_progress",
  error: null,
  model: "gpt-6.2-sol",
  instructions: 'say "usage": {"input_tokens": 1}',
  output: [],
  usage: null,
  service_tier: "auto",
};
const usage = {
  input_tokens: 1000,
  input_tokens_details: { cached_tokens: 600, cache_write_tokens: 150 },
  output_tokens: 80,
  output_tokens_details: { reasoning_tokens: 30 },
  total_tokens: 1080,
};
const completed = { ...pending, status: "completed", usage, service_tier: "default" };
const tokens = { input: 250, output: 80, cacheWrite5m: 150, cacheWrite1h: 0, cacheRead: 600, reasoning: 30 };
const failed = {
  ...pending,
  status: "failed",
  error: { code: "server_is_overloaded", message: "Overloaded" },
};

const created = event("response.created", { response: pending, sequence_number: 0 });
const queued = event("response.queued", { response: pending });
const inProgress = event("response.in_progress", { response: pending });
const text = event("response.output_text.delta", { delta: "größer 😀" });
const end = (response: object = completed, type = "response.completed") => event(type, { response });

const begun: Reading = { ...blank, model: "gpt-6.2-sol", ids: ["resp_1"] };
const known: Reading = { ...begun, reported: true, tokens };

describe("observeOpenai on a stream", () => {
  const failedEvent = { type: "response.failed", response: failed };
  const topError = { type: "error", code: "server_error", message: "sorry", param: null };
  const answers: Record<string, [answer: string, expected: Reading]> = {
    "a whole answer": [created + queued + inProgress + text + end(), known],
    "an incomplete answer": [
      created + text + end({ ...completed, status: "incomplete" }, "response.incomplete"),
      known,
    ],
    "unknown events and keep-alives": [
      event("keepalive", {}) + created + event("codex.rate_limits", { usage }) + event("odd", {}) + end(),
      known,
    ],
    "an answer that is not stored, which nobody can ask for again": [
      event("response.created", { response: { ...pending, store: false } }) +
        text +
        end({ ...completed, store: false }),
      { ...known, ids: [] },
    ],
    "an answer that is stored": [created + text + end({ ...completed, store: true }), known],
    "events without an event line": [(created + text + end()).replaceAll(/event: .*\n/g, ""), known],
    "a cut answer": [created + text, { ...begun, complete: false }],
    "an answer whose last event was truncated": [
      created + text + end().slice(0, -3),
      { ...begun, complete: false },
    ],
    "an answer cut before any content": [
      created + inProgress,
      { ...begun, complete: false, opening: { kind: "pending" } },
    ],
    "a failure before any content": [
      created + inProgress + event("response.failed", { response: failed }),
      { ...begun, opening: { kind: "error", event: failedEvent } },
    ],
    "an error before any content": [
      created + event("error", topError),
      { ...begun, complete: false, opening: { kind: "error", event: topError } },
    ],
    "an error as the very first event": [
      event("error", { error: { code: "x" } }),
      {
        ...blank,
        complete: false,
        opening: { kind: "error", event: { type: "error", error: { code: "x" } } },
      },
    ],
    "a failure after content, with what it cost": [
      created + text + event("response.failed", { response: { ...failed, usage } }),
      { ...known, lateError: { type: "response.failed", response: { ...failed, usage } } },
    ],
    "an error after content": [
      created + text + event("error", topError),
      { ...begun, complete: false, lateError: topError },
    ],
    "web searches that ran": [
      created +
        end({
          ...completed,
          output: [
            { type: "message", content: [{ type: "output_text", text: '{"type":"web_search_call"}' }] },
            { type: "web_search_call", action: { type: "search", query: "a" } },
            { type: "web_search_call", action: { type: "open_page" } },
            { type: "web_search_call" },
          ],
        }),
      { ...known, webSearches: 2 },
    ],
    "a tier other than the standard": [
      created + end({ ...completed, service_tier: "flex" }),
      { ...known, tier: "flex" },
    ],
    "the priority tier that was asked for and not given": [
      event("response.created", { response: { ...pending, service_tier: "priority" } }) + end(),
      known,
    ],
    "usage without details": [
      end({ ...completed, usage: { input_tokens: 5, output_tokens: 6 } }),
      { ...known, tokens: { ...blank.tokens, input: 5, output: 6 } },
    ],
    "more cached tokens than there was input": [
      end({ ...completed, usage: { ...usage, input_tokens: 700 } }),
      { ...known, tokens: { ...tokens, input: 0 } },
    ],
    "figures that are none": [end({ ...completed, usage: { input_tokens: "5", output_tokens: -1 } }), begun],
    "a bare error in place of the stream": [
      '{"error":{"message":"no","type":"server_error","code":null}}',
      {
        ...blank,
        opening: { kind: "error", event: { error: { message: "no", type: "server_error", code: null } } },
      },
    ],
    nothing: ["", { ...blank, complete: false, opening: { kind: "pending" } }],
  };
  for (const [title, [answer, expected]] of Object.entries(answers)) {
    it(`reads ${title}, cut anywhere`, () => {
      assertReads(observeStream, answer, expected);
    });
  }

  it("reads an answer with carriage returns, cut anywhere", () => {
    assertReads(observeStream, (created + text + end()).replaceAll("\n", "\r\n"), known);
  });

  it("leaves the opening open until something comes that is more than a life sign", () => {
    const before = created + queued + inProgress + event("keepalive", {});
    assert.equal(
      openings(observeStream(), before + text + end()),
      `pending ${Buffer.byteLength(before + text) - 1}, content ${end().length + 1}`,
    );
    const failure = event("response.failed", { response: failed });
    assert.equal(
      openings(observeStream(), before + failure),
      `pending ${(before + failure).length - 1}, error 1`,
    );
  });

  it("reads a terminal event of five megabytes", () => {
    const large = "x\\".repeat(2_500_000);
    const output = [{ type: "image_generation_call", result: large }];
    const answer = Buffer.from(
      created + event("odd", { large }) + end({ ...completed, output, usage: null, tools: [] }),
    );
    const answerWithUsage = Buffer.from(created + text + end({ ...completed, output }));
    for (const [bytes, expected] of [
      [answer, begun],
      [answerWithUsage, known],
    ] as const) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += 16_384) chunks.push(bytes.subarray(at, at + 16_384));
      assert.deepEqual(readAll(observeStream(), chunks), expected);
    }
  });
});

describe("observeOpenai on events too large to be read", () => {
  for (const [name, complete] of [
    ["response.completed", true],
    ["response.output_item.done", false],
  ] as const) {
    it(`${complete ? "knows" : "does not know"} the end of an answer from ${name}`, () => {
      const observer = observeStream();
      const chunk = Buffer.alloc(1 << 20, "x");
      observer.push(Buffer.from(`${created}event: ${name}\ndata: `));
      for (let sent = 0; sent <= 32; sent++) observer.push(chunk);
      observer.push(Buffer.from("\n\n"));
      assert.deepEqual(readingOf(observer), { ...begun, complete });
    });
  }
});

describe("observeOpenai on a JSON answer", () => {
  it("reads the usage of a response, cut anywhere", () => {
    assertReads(observeJson, JSON.stringify(completed), known);
    assertReads(observeJson, JSON.stringify(completed, undefined, 2), known);
  });

  it("reads the usage of a compaction", () => {
    const compaction = {
      id: "resp_2",
      object: "response.compaction",
      output: [{ type: "compaction" }],
      usage,
    };
    assertReads(observeJson, JSON.stringify(compaction), {
      ...blank,
      reported: true,
      tokens,
      ids: ["resp_2"],
    });
  });

  it("knows the first thing that the provider encrypted, in a stream too", () => {
    const output = [
      { type: "message", content: [{ type: "output_text", text: '"encrypted_content":"no"' }] },
      { type: "reasoning", summary: [], encrypted_content: null },
      { type: "reasoning", summary: [], encrypted_content: "gAAAA-1" },
      { type: "reasoning", summary: [], encrypted_content: "gAAAA-2" },
    ];
    const encryptedIn = (observer: AnswerObserver, answer: string) => {
      for (const byte of bytewise(Buffer.from(answer))) observer.push(byte);
      return observer.encrypted;
    };
    assert.equal(encryptedIn(observeJson(), JSON.stringify({ ...completed, output })), "gAAAA-1");
    assert.equal(encryptedIn(observeStream(), created + text + end({ ...completed, output })), "gAAAA-1");
    assert.equal(encryptedIn(observeStream(), created + text + end()), undefined);
  });

  it("knows no figures of a response that is still queued", () => {
    assertReads(observeJson, JSON.stringify({ ...pending, status: "queued" }), begun);
  });

  it("takes an error envelope and a failed response for a failed opening", () => {
    const envelope = { error: { message: "no", type: "server_error", param: null, code: null } };
    assertReads(observeJson, JSON.stringify(envelope), {
      ...blank,
      opening: { kind: "error", event: envelope },
    });
    assertReads(observeJson, JSON.stringify(failed), { ...begun, opening: { kind: "error", event: failed } });
    const wordless = { ...failed, error: null };
    assertReads(observeJson, JSON.stringify(wordless), {
      ...begun,
      opening: { kind: "error", event: wordless },
    });
  });

  it("is incomplete until the document closes", () => {
    const observer = observeJson();
    observer.push(Buffer.from(JSON.stringify(completed).slice(0, -1)));
    assert.deepEqual(readingOf(observer), { ...blank, complete: false, opening: { kind: "pending" } });
    observer.push(Buffer.from("}"));
    assert.deepEqual(readingOf(observer), known);
  });
});

describe("observeOpenai on garbage", () => {
  const pieces = [
    "event: response.completed\n",
    "event: response.failed\n",
    'data: {"response":',
    'data: {"response":{"usage":{"input_tokens":-1e999,"output_tokens":3}}}\n\n',
    'data: {"type":"response.completed","response":[]}\n\n',
    "{",
    "[",
    '"',
    "\\",
    "}",
    "\n",
    "\r",
  ];
  it("never throws, and never counts below nothing", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(...pieces).map(Buffer.from), fc.uint8Array().map(Buffer.from)), {
          maxLength: 12,
        }),
        (chunks) => {
          const reading = readAll(observeOpenai(), chunks);
          for (const figure of Object.values(reading.tokens))
            assert.ok(figure >= 0 && Number.isFinite(figure));
        },
      ),
      { numRuns: draws(1500) },
    );
  });
});
