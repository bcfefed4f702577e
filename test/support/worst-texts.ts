// Texts of 256 KB on which readers have been slow, or could be: one piece again and again, plain and in the JSON of each API.

import type { Input } from "./exported-readers.ts";

export const textBytes = 256 * 1024;

export const pieces = [
  "<title",
  "<title ",
  "<html>",
  "Ray ID: ",
  "model ",
  "models not ",
  "The model `x` ",
  "access to the ",
  "try again in ",
  "Please retry in 1",
  "1",
  "1.",
  " ",
  "\n",
  "\u2028",
  ",",
  ", }",
  "[",
  '{"error":',
  '{"a":',
  '"',
  "\\",
  "key=",
  "token: ",
  "bearer ",
  "sk-ant-",
  "sk-",
  "eyJ",
  "eyJaaaaaaaa.",
  "://",
  "a1",
  "a-",
  "regain access on ",
  "usage limit reached|",
  "api key ",
  "your account ",
  "permission ",
  "consumer ",
  "limit: 0.",
  "error code: 1",
  "\u{1f600}",
  "data: ",
];

/** What says something else in an error than on its own. */
export const inErrors: ReadonlySet<string> = new Set([
  "<title ",
  "model ",
  "access to the ",
  "try again in ",
  "1",
  " ",
  "[",
  ", }",
  "key=",
  "sk-",
  "a1",
  '"',
]);

export function repeated(piece: string): string {
  return piece.repeat(Math.ceil(textBytes / piece.length)).slice(0, textBytes);
}

/** As many members as fit into the text. */
function many<T>(make: (index: number) => T): T[] {
  const bytes = JSON.stringify(make(9999)).length + 1;
  return Array.from({ length: Math.floor((textBytes - 4096) / bytes) }, (_, index) => make(index));
}

const message = (content: unknown) => ({ role: "user", content });

/** Bodies and answers in which there is very much of one thing. */
function documents(): Readonly<Record<string, unknown>> {
  const text = "x".repeat(textBytes - 4096);
  const escaped = "\u0001\u2028\ud800".repeat(20_000);
  return {
    "one text": { model: "m", messages: [message(text)] },
    "a text that is escaped": { model: "m", messages: [message(escaped)], error: { message: escaped } },
    "many messages": { model: "m", messages: many(() => message("x")) },
    "many parts": { model: "m", messages: [message(many(() => ({ type: "text", text: "x" })))] },
    "many members": { model: "m", messages: [], ...Object.fromEntries(many((index) => [`key_${index}`, 1])) },
    "many members of metadata": {
      model: "m",
      messages: [],
      metadata: Object.fromEntries(many((index) => [`key_${index}`, "v"])),
    },
    "many tools": {
      model: "m",
      messages: [message("x")],
      tools: many((index) => ({ type: "function", function: { name: `f${index}` } })),
    },
    "many stops": { model: "m", messages: [message("x")], stop: many((index) => `stop ${index}`) },
    "a wide schema": {
      model: "m",
      messages: [message("x")],
      response_format: {
        type: "json_schema",
        json_schema: {
          name: "n",
          schema: {
            type: "object",
            properties: Object.fromEntries(many((index) => [`p${index}`, { type: "string" }])),
          },
        },
      },
    },
    "a long image": {
      model: "m",
      messages: [message([{ type: "image_url", image_url: { url: `data:image/png;base64,${text}` } }])],
    },
    "a long model": { model: text, messages: [message("x")], input: text },
    "many inputs": {
      model: "m",
      input: many(() => ({ type: "message", role: "user", content: [{ type: "input_text", text: "x" }] })),
    },
    "many contents": { contents: many(() => ({ role: "user", parts: [{ text: "x" }] })), model: "models/m" },
    "many blocks": {
      type: "message",
      content: many(() => ({ type: "text", text: "x" })),
      usage: { input_tokens: 1 },
    },
    "many outputs": {
      object: "response",
      status: "completed",
      output: many(() => ({ type: "message", content: [] })),
    },
    "many candidates": {
      candidates: many(() => ({ content: { parts: [{ text: "x" }] } })),
      usageMetadata: {},
    },
    "many models": { object: "list", data: many((index) => ({ id: `model-${index}`, object: "model" })) },
    "many of Google's models": { models: many((index) => ({ name: `models/m-${index}` })) },
    "many details of an error": {
      error: {
        code: 429,
        message: text.slice(0, 1000),
        details: many(() => ({ "@type": "x.RetryInfo", retryDelay: "1s" })),
      },
    },
    "a session": {
      model: "m",
      metadata: { user_id: `user_x_account__session_${text}` },
      prompt_cache_key: text,
      messages: [],
    },
    "an array": many((index) => ({ a: index })),
    numbers: many((index) => index),
    "lists in lists": JSON.parse(`${"[".repeat(1000)}${"]".repeat(1000)}`),
  };
}

const streams: Readonly<Record<string, string>> = {
  "a stream of many events": 'event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n',
  "a stream of many lines": 'data: {"candidates":[{"content":{"parts":[{"text":"x"}]}}]}\r\n\r\n',
  "a stream of one event": "data: x\n",
  "line feeds": "\n",
  "carriage returns": "\r",
  "keys with escapes": '"\\u0061":1,',
  "JSON lines": '{"a":1}\n',
};

/** The wordings of single providers are not among them: only the readers of failures look for those. */
export function worstInputs(): (Input & { name: string })[] {
  const plain = [...inErrors, "\u2028", "\u{1f600}", "\\", "://", "%2e", "/"].map((piece) => {
    const text = repeated(piece);
    return { name: `text of ${JSON.stringify(piece)}`, text, value: text };
  });
  const errors = [...inErrors].map((piece) => {
    const text = repeated(piece);
    const value = {
      type: "error",
      error: { message: text, type: text, code: text, status: text, details: [text] },
    };
    return {
      name: `an error of ${JSON.stringify(piece)}`,
      text: JSON.stringify(value).slice(0, textBytes),
      value,
    };
  });
  const whole = Object.entries(documents()).map(([name, value]) => ({
    name,
    text: JSON.stringify(value),
    value,
  }));
  const streamed = Object.entries(streams).map(([name, piece]) => {
    const text = repeated(piece);
    return { name, text, value: [text] };
  });
  return [...plain, ...errors, ...whole, ...streamed];
}
