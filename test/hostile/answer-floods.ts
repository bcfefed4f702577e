// Answers made to cost time: as large as is allowed, of what costs most to read, and of a few kilobytes that unfold.

import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";

export interface AnswerFlood {
  title: string;
  /** Whether the client asks for a stream. */
  stream: boolean;
  coding?: "gzip" | "br" | "zstd";
  /** In the short form, too. */
  isHeavy?: boolean;
  /** It cannot be converted: the client gets an error, or no whole answer. */
  isLost?: boolean;
  /** The provider's answer, before its coding. */
  body(): string;
}

const bytes = 31 * 1024 * 1024;
const name = "claude-sonnet-4-5";
const usage = { input_tokens: 1, output_tokens: 1 };

const message = (content: string, rest = "") =>
  `{"id":"msg_flood","type":"message","role":"assistant","model":"${name}","stop_reason":"end_turn","usage":${JSON.stringify(usage)}${rest},"content":[${content}]}`;
const filled = (piece: string, length = bytes) =>
  `${`${piece},`.repeat(Math.floor(length / (piece.length + 1)))}${piece}`;
const event = (type: string, data: string) => `event: ${type}\ndata: {"type":"${type}"${data}}\n\n`;
const delta = (text: string) =>
  event("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"${text}"}`);

function events(deltas: string): string {
  const start = event("message_start", `,"message":${message("")}`);
  const block = event("content_block_start", ',"index":0,"content_block":{"type":"text","text":""}');
  const end = event("message_delta", `,"delta":{"stop_reason":"end_turn"},"usage":${JSON.stringify(usage)}`);
  return `${start}${block}${deltas}${event("content_block_stop", ',"index":0')}${end}${event("message_stop", "")}`;
}

const text = '{"type":"text","text":"x"}';

export const answerFloods: readonly AnswerFlood[] = [
  {
    title: "31 MB of text",
    stream: false,
    body: () => message(`{"type":"text","text":"${"x".repeat(bytes)}"}`),
  },
  {
    title: "31 MB of escapes",
    stream: false,
    body: () => message(`{"type":"text","text":"${"\\u0041".repeat(bytes / 6)}"}`),
  },
  { title: "a million parts", isHeavy: true, stream: false, body: () => message(filled(text)) },
  {
    title: "10 million empty lists",
    isHeavy: true,
    stream: false,
    body: () => message(text, `,"x":[${filled("[]")}]`),
  },
  {
    title: "31 MB of a tool's input",
    isHeavy: true,
    stream: false,
    body: () => message(`{"type":"tool_use","id":"t","name":"n","input":{"x":[${filled("{}")}]}}`),
  },
  { title: "250,000 events for a document", stream: false, body: () => events(delta("x").repeat(250_000)) },
  {
    title: "a 31 MB event for a document",
    isLost: true,
    stream: false,
    body: () => events(delta("x".repeat(bytes))),
  },
  { title: "a stream of 250,000 events", stream: true, body: () => events(delta("x").repeat(250_000)) },
  {
    title: "a stream with an event of 31 MB",
    isLost: true,
    stream: true,
    body: () => events(delta("x".repeat(bytes))),
  },
  ...[
    [
      "16,000 members",
      `,"x":{${Array.from({ length: 16_000 }, (_, at) => `"k${at}":1`).join()},"y":${"1".repeat(20)}}`,
    ],
    ["1 MB of escapes", `,"delta":{"type":"text_delta","text":"${"\\u0041".repeat(170_000)}"}`],
    ["1 MB of halves of characters", `,"delta":{"type":"text_delta","text":"${"\\ud83d".repeat(170_000)}"}`],
    ["1 MB of quotes", `,"delta":{"type":"text_delta","text":"${'\\"'.repeat(500_000)}"}`],
  ].map(([what, data]) => ({
    title: `a stream with an event of ${what}`,
    isHeavy: true,
    stream: true,
    body: () => events(event("content_block_delta", `,"index":0${data}`)),
  })),
  {
    title: "a document of 10 million empty lists for a stream",
    isHeavy: true,
    stream: true,
    body: () => message(text, `,"x":[${filled("[]")}]`),
  },
  {
    title: "a stream with an event of 1.5 MB of empty lists",
    isLost: true,
    stream: true,
    body: () => events(event("content_block_delta", `,"index":0,"x":[${filled("[]", 1_500_000)}]`)),
  },
  {
    title: "a stream with an event of 15 MB of escapes",
    isLost: true,
    stream: true,
    body: () => events(delta("\\u0041".repeat(bytes / 12))),
  },
  {
    title: "a stream with an event of 15 MB of empty lists",
    isLost: true,
    stream: true,
    body: () => events(event("content_block_delta", `,"index":0,"x":[${filled("[]", bytes / 2)}]`)),
  },
  {
    title: "an error of 31 MB",
    isLost: true,
    isHeavy: true,
    stream: false,
    body: () => `{"type":"error","error":{"type":"x","message":"x","x":[${filled("[]")}]}}`,
  },
  ...(["gzip", "br", "zstd"] as const).flatMap((coding): AnswerFlood[] => [
    {
      title: `a bomb of text in ${coding}`,
      isLost: true,
      isHeavy: coding === "br",
      stream: false,
      coding,
      body: () => message(`{"type":"text","text":"${"x".repeat(4 * bytes)}"}`),
    },
    {
      title: `a bomb of events in ${coding}`,
      isLost: true,
      isHeavy: coding === "br",
      stream: true,
      coding,
      body: () => events(delta("x").repeat(500_000)),
    },
  ]),
];

const encoders = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync };

/** As it goes over the wire. */
export function wireBytes({ body, coding }: AnswerFlood): Buffer {
  const plain = Buffer.from(body());
  return coding === undefined ? plain : encoders[coding](plain);
}
