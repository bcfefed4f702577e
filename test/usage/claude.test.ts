import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { observeClaude } from "../../src/usage/claude.ts";
import { draws } from "../support/draws.ts";
import { assertReads, blank, event, openings, type Reading, readAll, readingOf } from "./reading.ts";

const observeStream = () => observeClaude();
const observeJson = () => observeClaude();

const start = (usage: object, more: object = {}) =>
  event("message_start", {
    message: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "claude-opus-5-5",
      content: [],
      usage,
      ...more,
    },
  });
const ping = event("ping", {});
const text = (words: string) =>
  event("content_block_delta", { index: 0, delta: { type: "text_delta", text: words } });
const delta = (usage: object) => event("message_delta", { delta: { stop_reason: "end_turn" }, usage });
const stop = event("message_stop", {});
const overloaded = { error: { type: "overloaded_error", message: "Overloaded" }, request_id: "req_1" };

const startUsage = {
  input_tokens: 10,
  cache_creation_input_tokens: 100,
  cache_read_input_tokens: 2000,
  cache_creation: { ephemeral_5m_input_tokens: 60, ephemeral_1h_input_tokens: 40 },
  output_tokens: 1,
  service_tier: "standard",
};
const startTokens = {
  input: 10,
  output: 1,
  cacheWrite5m: 60,
  cacheWrite1h: 40,
  cacheRead: 2000,
  reasoning: 0,
};
const known: Reading = { ...blank, reported: true, model: "claude-opus-5-5", tokens: startTokens };

describe("observeClaude on a stream", () => {
  const answers: Record<string, [answer: string, expected: Reading]> = {
    "a whole answer": [
      start(startUsage) + ping + text("größer 😀") + delta({ output_tokens: 50 }) + stop,
      { ...known, tokens: { ...startTokens, output: 50 } },
    ],
    "pings before, between and behind": [
      `: hello\n\n${ping}${ping}${start(startUsage)}${ping}${delta({ output_tokens: 5 })}${ping}${stop}${ping}`,
      { ...known, tokens: { ...startTokens, output: 5 } },
    ],
    "figures that are null or missing later, which change nothing": [
      start(startUsage) +
        delta({
          output_tokens: 50,
          input_tokens: null,
          cache_read_input_tokens: null,
          server_tool_use: null,
        }) +
        delta({ output_tokens: null }) +
        delta({}) +
        stop,
      { ...known, tokens: { ...startTokens, output: 50 } },
    ],
    "later figures, which replace the earlier ones and are never added": [
      start(startUsage) +
        delta({ output_tokens: 20, input_tokens: 30 }) +
        delta({ output_tokens: 70, input_tokens: 31, cache_read_input_tokens: 1999 }) +
        stop,
      { ...known, tokens: { ...startTokens, input: 31, output: 70, cacheRead: 1999 } },
    ],
    "cache writes that grow without a split, which count as the shorter lifetime": [
      start(startUsage) + delta({ cache_creation_input_tokens: 150, output_tokens: 2 }) + stop,
      { ...known, tokens: { ...startTokens, output: 2, cacheWrite5m: 110, cacheWrite1h: 40 } },
    ],
    "cache writes that shrink without a split, whose sum still holds": [
      start(startUsage) + delta({ cache_creation_input_tokens: 30 }) + stop,
      { ...known, tokens: { ...startTokens, cacheWrite5m: 0, cacheWrite1h: 30 } },
    ],
    "cache writes with a split only": [
      start({ ...startUsage, cache_creation_input_tokens: null }) + stop,
      known,
    ],
    "cache writes without a split": [
      start({ ...startUsage, cache_creation: null }) + stop,
      { ...known, tokens: { ...startTokens, cacheWrite5m: 100, cacheWrite1h: 0 } },
    ],
    "thinking, web searches and the priority tier": [
      start({ ...startUsage, service_tier: "priority" }) +
        delta({
          output_tokens: 50,
          output_tokens_details: { thinking_tokens: 20 },
          server_tool_use: { web_search_requests: 3, web_fetch_requests: 9 },
        }) +
        stop,
      { ...known, tokens: { ...startTokens, output: 50, reasoning: 20 }, webSearches: 3, tier: "priority" },
    ],
    "fast mode": [start({ ...startUsage, speed: "fast" }) + stop, { ...known, tier: "fast" }],
    "fast mode on the priority tier": [
      start({ ...startUsage, speed: "fast", service_tier: "priority" }) + stop,
      { ...known, tier: "fast" },
    ],
    "standard speed in a batch": [
      start({ ...startUsage, speed: "standard", service_tier: "batch" }) + stop,
      { ...known, tier: "batch" },
    ],
    "compactions and advisors, which the sums leave out": [
      start(startUsage) +
        delta({ iterations: [{ type: "advisor", output_tokens: 9999 }] }) +
        delta({
          output_tokens: 50,
          iterations: [
            { type: "message", input_tokens: 10, output_tokens: 50 },
            { type: "compaction", input_tokens: 1000, output_tokens: 100, cache_read_input_tokens: 7 },
            {
              type: "advisor",
              input_tokens: 5,
              output_tokens: 6,
              cache_creation: { ephemeral_1h_input_tokens: 8 },
            },
            { type: "fallback", input_tokens: 10, output_tokens: 50 },
            null,
          ],
        }) +
        stop,
      {
        ...known,
        tokens: {
          input: 1015,
          output: 156,
          cacheWrite5m: 60,
          cacheWrite1h: 48,
          cacheRead: 2007,
          reasoning: 0,
        },
      },
    ],
    "a client's share when the upstream breaks off early": [
      start(startUsage) + text("half a sen"),
      { ...known, complete: false },
    ],
    "an answer that broke off within an event": [
      `${start(startUsage)}event: message_delta\ndata: {"type":"message_delta","usage":{"output_to`,
      { ...known, complete: false },
    ],
    "an answer that ends without its last blank line": [
      start(startUsage) + delta({ output_tokens: 7 }) + stop.trimEnd(),
      { ...known, tokens: { ...startTokens, output: 7 } },
    ],
    "a last event that was truncated": [start(startUsage) + stop.slice(0, -4), { ...known, complete: false }],
    "an error before anything else": [
      ping + event("error", overloaded),
      { ...blank, complete: false, opening: { kind: "error", event: { type: "error", ...overloaded } } },
    ],
    "an error after content": [
      start(startUsage) + text("a") + event("error", overloaded),
      { ...known, complete: false, lateError: { type: "error", ...overloaded } },
    ],
    "an error whose data is no JSON": [
      "event: error\ndata: upstream gone\n\n",
      { ...blank, complete: false, opening: { kind: "error", event: "upstream gone" } },
    ],
    "a bare error in place of the stream": [
      `${JSON.stringify({ type: "error", ...overloaded }, undefined, 2)}\n`,
      { ...blank, opening: { kind: "error", event: { type: "error", ...overloaded } } },
    ],
    "a stray line of JSON between the events": [
      `${start(startUsage)}${text("a")}{"type":"ping"}\n\n${delta({ output_tokens: 7 })}${stop}`,
      { ...known, tokens: { ...startTokens, output: 7 } },
    ],
    "a stray line of JSON at which the stream ends": [
      `${start(startUsage)}${text("a")}{"type":"content_block_stop","index":0}\n`,
      { ...known, complete: false },
    ],
    "events that nobody knows": [
      event("thread_start", { usage: { output_tokens: 9 } }) +
        start(startUsage) +
        event("thread_end", { usage: { output_tokens: 9 } }) +
        "event: odd\ndata: no JSON {\n\n" +
        stop,
      known,
    ],
    "events without an event line": [
      (ping + start(startUsage) + text("a") + delta({ output_tokens: 7 }) + stop).replaceAll(
        /event: .*\n/g,
        "",
      ),
      { ...known, tokens: { ...startTokens, output: 7 } },
    ],
    "figures that are none": [
      start({
        input_tokens: "10",
        output_tokens: -5,
        cache_read_input_tokens: { a: 1 },
        cache_creation: [],
      }) +
        delta({ output_tokens: true }) +
        stop,
      { ...blank, model: "claude-opus-5-5" },
    ],
    "known events with useless data": [
      "event: message_start\ndata: {\n\nevent: message_delta\ndata: []\n\nevent: message_stop\ndata:\n\n",
      { ...blank, complete: false },
    ],
    nothing: ["", { ...blank, complete: false, opening: { kind: "pending" } }],
    "nothing but life signs": [
      `: hello\n\n${ping}data:\n\n`,
      { ...blank, complete: false, opening: { kind: "pending" } },
    ],
  };
  for (const [title, [answer, expected]] of Object.entries(answers)) {
    it(`reads ${title}, cut anywhere`, () => {
      assertReads(observeStream, answer, expected);
      if (!title.includes("bare")) assertReads(observeStream, answer.replaceAll("\n", "\r\n"), expected);
    });
  }

  it("knows the opening as soon as the first real event is there, and not before", () => {
    const first = start(startUsage);
    assert.equal(
      openings(observeStream(), ping + first + text("a")),
      `pending ${ping.length + first.length - 1}, content ${text("a").length + 1}`,
    );
    const error = event("error", overloaded);
    assert.equal(
      openings(observeStream(), ping + error + stop),
      `pending ${ping.length + error.length - 1}, error ${stop.length + 1}`,
    );
  });

  it("is complete as soon as message_stop is there, and not before", () => {
    const observer = observeStream();
    observer.push(Buffer.from(start(startUsage) + delta({ output_tokens: 7 }) + stop.slice(0, -1)));
    assert.equal(observer.complete, false);
    observer.push(Buffer.from("\n"));
    assert.equal(observer.complete, true);
    assert.equal(observer.report.tokens.output, 7);
  });

  it("reads past an unknown event of five megabytes and a known one of the same size", () => {
    const large = "x".repeat(5_000_000);
    const answer = Buffer.from(
      event("odd", { large }) +
        start(startUsage, { content: [{ large }] }) +
        event("odd", { large }) +
        event("message_delta", { delta: { stop_reason: "end_turn" }, large, usage: { output_tokens: 7 } }) +
        stop,
    );
    const chunks: Buffer[] = [];
    for (let at = 0; at < answer.length; at += 16_384) chunks.push(answer.subarray(at, at + 16_384));
    assert.deepEqual(readAll(observeStream(), chunks), { ...known, tokens: { ...startTokens, output: 7 } });
  });
});

describe("observeClaude on a JSON answer", () => {
  const message = {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "claude-opus-5-5",
    content: [
      { type: "text", text: 'a "usage" \\ {größer' },
      { type: "tool_use", input: { type: "error", model: "x", usage: 1 } },
    ],
    usage: { ...startUsage, output_tokens: 50, server_tool_use: { web_search_requests: 1 } },
  };
  const expected: Reading = { ...known, tokens: { ...startTokens, output: 50 }, webSearches: 1 };

  it("reads the usage of the document, cut anywhere", () => {
    assertReads(observeJson, JSON.stringify(message), expected);
    assertReads(observeJson, `\n${JSON.stringify(message, undefined, 2)}\n`, expected);
  });

  it("reads the id of a message in a thread, and of no other", () => {
    const inThread = () => observeClaude({ isThread: true });
    assertReads(inThread, JSON.stringify(message), { ...expected, ids: ["msg_1"] });
    const stream = start(startUsage) + delta({ output_tokens: 50 }) + stop;
    const streamed = { ...known, tokens: { ...startTokens, output: 50 }, ids: ["msg_1"] };
    assertReads(inThread, stream, streamed);
    assertReads(inThread, start(startUsage), { ...streamed, complete: false, tokens: startTokens });
    assertReads(observeStream, stream, { ...streamed, ids: [] });
  });

  it("takes an error envelope for a failed opening", () => {
    const envelope = { type: "error", ...overloaded };
    assertReads(observeJson, JSON.stringify(envelope), {
      ...blank,
      opening: { kind: "error", event: envelope },
    });
  });

  it("is incomplete until the document closes", () => {
    const observer = observeJson();
    const bytes = Buffer.from(JSON.stringify(message));
    observer.push(bytes.subarray(0, -1));
    assert.deepEqual(readingOf(observer), { ...blank, complete: false, opening: { kind: "pending" } });
    observer.push(bytes.subarray(-1));
    assert.deepEqual(readingOf(observer), expected);
  });

  it("knows no figures of a document without usage", () => {
    assertReads(observeJson, '{"input_tokens":12}', blank);
  });

  it("says of what is no JSON that it is no answer", () => {
    const page: Reading = { ...blank, complete: false, opening: { kind: "foreign", what: "a web page" } };
    assertReads(observeJson, "<html>{}</html>", page);
    assertReads(observeJson, "", { ...page, opening: { kind: "pending" } });
  });
});

describe("observeClaude for the seals of thinking", () => {
  const readsSeals = true;
  const sealsOf = (answer: string, options: { readsSeals?: boolean }) => {
    const observer = observeClaude(options);
    for (const byte of Buffer.from(answer)) observer.push(Buffer.of(byte));
    return observer.seals;
  };
  const block = (content_block: object) => event("content_block_start", { index: 0, content_block });
  const signed = (signature: string) =>
    event("content_block_delta", { index: 0, delta: { type: "signature_delta", signature } });

  it("reads signatures and what is redacted, of a stream with names and without", () => {
    const stream =
      start(startUsage) +
      block({ type: "thinking", thinking: "", signature: "" }) +
      signed("EqQB") +
      block({ type: "redacted_thinking", data: "EmwK" }) +
      block({ type: "tool_use", id: "t", name: "n", input: { signature: "none", data: "none" } }) +
      text('{"signature":"none"}') +
      stop;
    assert.deepEqual(sealsOf(stream, { readsSeals }), ["EqQB", "EmwK"]);
    assert.deepEqual(sealsOf(stream.replaceAll(/^event: .*\n/gm, ""), { readsSeals }), ["EqQB", "EmwK"]);
    assert.deepEqual(sealsOf(stream, {}), []);
  });

  it("reads those of an answer in one piece", () => {
    const thinking = { type: "thinking", thinking: "a", signature: "EqQB" };
    const redacted = { type: "redacted_thinking", data: "EmwK" };
    const content = [thinking, { type: "text", text: "x" }, redacted];
    const answer = JSON.stringify({ type: "message", id: "msg_1", content, usage: {} });
    assert.deepEqual(sealsOf(answer, { readsSeals }), ["EqQB", "EmwK"]);
    assert.deepEqual(sealsOf(answer, {}), []);
  });
});

describe("observeClaude on garbage", () => {
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom(
        "event: message_start\n",
        "event: error\n",
        "event: message_delta\n",
        'data: {"message":',
        'data: {"usage":{"output_tokens":1e999}}\n\n',
        'data: {"usage":{"iterations":[[]]}}\n\n',
        "{",
        "[",
        '"',
        "\\",
        "}",
        "\n",
        "\r",
      )
      .map((piece) => Buffer.from(piece)),
  );
  it("never throws, and never counts below nothing", () => {
    fc.assert(
      fc.property(fc.array(garbage, { maxLength: 12 }), (chunks) => {
        const { tokens } = readAll(observeClaude(), chunks);
        for (const figure of Object.values(tokens)) assert.ok(figure >= 0 && Number.isFinite(figure));
      }),
      { numRuns: draws(1500) },
    );
  });
});
