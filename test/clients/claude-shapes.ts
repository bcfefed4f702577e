// Claude's answers in every shape that a broken provider or a gateway in between can give them: events missing, twice, out of order,
// with strange values, cut anywhere, under another label, or as the other form. The same ones for the same seed.

import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { Behaviour } from "../support/behaviour.ts";
import { pick, type Random } from "../support/strange.ts";

export interface ShapedAnswer {
  /** What was done to it, for the message of a failure. */
  name: string;
  behaviour: Behaviour;
  /** The provider has said all of it: to a client that hears less it must not look like a success. */
  isWhole: boolean;
  /** The answer's words, where nothing was done to them; undefined: they may have changed. */
  text: string | undefined;
}

interface ShapedEvent {
  name: string;
  data: unknown;
}

const words = ["Grüß ", "Gott, ", "wie ", "geht ", "es? ", "😀 ", "Gut."];
const text = words.join("");
const usage = { input_tokens: 10, output_tokens: 7 };
const message = {
  id: "msg_shape",
  type: "message",
  role: "assistant",
  model: "claude-sonnet-5-5",
  content: [] as unknown[],
  stop_reason: null as string | null,
  stop_sequence: null,
  usage,
};

const goodDocument = {
  ...message,
  content: [{ type: "text", text }],
  stop_reason: "end_turn",
};

function goodEvents(random: Random): ShapedEvent[] {
  const event = (type: string, rest: object): ShapedEvent => ({ name: type, data: { type, ...rest } });
  const tool = { type: "tool_use", id: "toolu_shape", name: "look_up", input: {} };
  const call = ['{"wh', 'at":"Zür', 'ich"}'].map((partial_json) =>
    event("content_block_delta", { index: 1, delta: { type: "input_json_delta", partial_json } }),
  );
  const hasTool = random() < 0.3;
  return [
    event("message_start", { message }),
    event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    event("ping", {}),
    ...words.map((word) =>
      event("content_block_delta", { index: 0, delta: { type: "text_delta", text: word } }),
    ),
    event("content_block_stop", { index: 0 }),
    ...(hasTool
      ? [
          event("content_block_start", { index: 1, content_block: tool }),
          ...call,
          event("content_block_stop", { index: 1 }),
        ]
      : []),
    event("message_delta", { delta: { stop_reason: hasTool ? "tool_use" : "end_turn" }, usage }),
    event("message_stop", {}),
  ];
}

/** One answer to a request that asked for a stream, or for a document. */
export function shapedAnswer(random: Random, { stream }: { stream: boolean }): ShapedAnswer {
  const asStream = random() < 0.85 ? stream : !stream;
  const { body, how } = asStream ? shapedStream(random) : shapedDocument(random);
  const sent = onTheWire(random, body);
  return {
    name: `${asStream ? "stream" : "document"}, ${how}, ${sent.how}`,
    behaviour: { ...sent.behaviour, status: 200 },
    isWhole: sent.received !== undefined && isWhole(sent.received),
    text: how === "unchanged" && sent.received === body ? text : undefined,
  };
}

type Shaped = { body: string; how: string };

const strangeValues = [null, 1, -1, "", "x", [], {}, true, 1e308, "constructor", { __proto__: null }];

function shapedStream(random: Random): Shaped {
  const events = goodEvents(random);
  const at = Math.floor(random() * events.length);
  const chosen = events[at]!;
  const how = pick(random, [
    "unchanged",
    "dropped",
    "doubled",
    "swapped",
    "strange data",
    "member gone",
    "member strange",
    "not JSON",
    "ended early",
    "error put in",
    "strange body",
  ]);
  switch (how) {
    case "dropped":
      events.splice(at, 1);
      break;
    case "doubled":
      events.splice(at, 0, chosen);
      break;
    case "swapped":
      events.splice(at, 2, ...events.slice(at, at + 2).reverse());
      break;
    case "strange data":
      chosen.data = pick<unknown>(random, strangeValues);
      break;
    case "member gone":
    case "member strange":
      chosen.data = changeMember(random, chosen.data, how === "member gone");
      break;
    case "ended early":
      events.length = at;
      break;
    case "error put in":
      events.splice(at, 0, {
        name: "error",
        data: { type: "error", error: { type: "of_tomorrow", message: "something new" } },
      });
      break;
    case "strange body":
      return { body: strangeBody(random), how };
  }
  const newline = pick(random, ["\n", "\r\n"]);
  const lines = events.map(({ name, data }, index) => {
    const json = JSON.stringify(data);
    const written = how === "not JSON" && index === at ? json.slice(0, -1) : json;
    return `event: ${name}${newline}data: ${written}${newline}${newline}`;
  });
  return { body: lines.join(""), how: how === "unchanged" ? how : `${how} at ${at}` };
}

function shapedDocument(random: Random): Shaped {
  const how = pick(random, ["unchanged", "member gone", "member strange", "not JSON", "strange body"]);
  switch (how) {
    case "member gone":
    case "member strange":
      return { body: JSON.stringify(changeMember(random, goodDocument, how === "member gone")), how };
    case "not JSON":
      return { body: JSON.stringify(goodDocument).slice(0, -1 - Math.floor(random() * 100)), how };
    case "strange body":
      return { body: strangeBody(random), how };
    default:
      return { body: JSON.stringify(goodDocument), how };
  }
}

/** A copy in which one member, at any depth, is gone or has a strange value. */
function changeMember(random: Random, value: unknown, isGone: boolean): unknown {
  const copy: unknown = structuredClone(value);
  let place = copy as Record<string, unknown>;
  for (;;) {
    const names = Object.keys(place);
    if (names.length === 0) return copy;
    const name = pick(random, names);
    const inner = place[name];
    if (typeof inner === "object" && inner !== null && random() < 0.7) {
      place = inner as Record<string, unknown>;
      continue;
    }
    if (isGone) delete place[name];
    else place[name] = pick<unknown>(random, strangeValues);
    return copy;
  }
}

function strangeBody(random: Random): string {
  return pick(random, [
    "",
    "null",
    "[]",
    "{}",
    "data: [DONE]\n\n",
    "data: {}\n\n",
    ": comment\n\n",
    "event: message_stop\n\n",
    "<!DOCTYPE html><title>Just a moment...</title>",
    "plain text of a gateway",
    '{"error":"no"}',
    JSON.stringify({ object: "chat.completion", choices: [] }),
    JSON.stringify({ candidates: [{ content: { parts: [{ text: "hi" }] }, finishReason: "STOP" }] }),
  ]);
}

interface Sent {
  how: string;
  behaviour: Behaviour;
  /** The text that a client can read of it; undefined when it is not in the coding that its label names. */
  received: string | undefined;
}

function onTheWire(random: Random, body: string): Sent {
  const bytes = Buffer.from(body);
  const label = pick(random, ["text/event-stream", "application/json", "text/html", undefined]);
  const headers = { "content-type": label };
  const at = Math.floor(random() * (bytes.length + 1));
  return pick<() => Sent>(random, [
    () => ({ how: "as it is", behaviour: { body: bytes, headers }, received: body }),
    () => ({
      how: "in single bytes",
      behaviour: { body: bytes, headers, wire: { framing: "chunked", cut: "byte", pauseMs: 0 } },
      received: body,
    }),
    () => {
      const cutting = pick(random, ["rst", "fin", "clean"] as const);
      return {
        how: `cut after ${at} bytes (${cutting})`,
        behaviour: { body: bytes, headers, cut: { afterBytes: at, how: cutting } },
        received: bytes.subarray(0, at).toString(),
      };
    },
    () => {
      const [coding, encode] = pick(random, codings);
      const coded = encode(bytes);
      return {
        how: `in ${coding}`,
        behaviour: { body: coded, headers: { ...headers, "content-encoding": coding } },
        received: body,
      };
    },
    () => {
      const coding = pick(random, ["gzip", "br", "zstd", "snappy"]);
      return {
        how: `labelled ${coding}`,
        behaviour: { body: bytes, headers: { ...headers, "content-encoding": coding } },
        received: bytes.length === 0 ? "" : undefined,
      };
    },
  ])();
}

const codings: readonly [string, (bytes: Buffer) => Buffer][] = [
  ["gzip", (bytes) => gzipSync(bytes)],
  ["br", (bytes) => brotliCompressSync(bytes)],
  ["zstd", (bytes) => zstdCompressSync(bytes)],
];

/** A message as a document, or a stream with the event that ends one. */
function isWhole(received: string): boolean {
  const typeOf = (json: string): unknown => {
    try {
      return (JSON.parse(json) as { type?: unknown } | null)?.type;
    } catch {
      return undefined;
    }
  };
  if (typeOf(received) === "message") return true;
  return received.split(/\r?\n/).some((line) => typeOf(line.replace(/^data: /, "")) === "message_stop");
}
