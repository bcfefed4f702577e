// Providers on a bare socket that do what HTTP allows and hardly anybody does, and what it does not allow. Whatever they do, the client
// gets a whole answer, of theirs or of the account beside them, or sees that it is not one.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type ClientAnswer, send } from "../support/client.ts";
import { startRelay, testAccount } from "../support/relay.ts";
import { strangeFamilies } from "../support/strange.ts";
import { startTcpServer } from "../support/tcp-server.ts";
import { startUpstream } from "../support/upstream.ts";

const message = { id: "msg_1", type: "message", role: "assistant", model: "claude-opus-5-5", content: [] };
const usage = { input_tokens: 3, output_tokens: 1 };
const document = JSON.stringify({
  ...message,
  content: [{ type: "text", text: "odd ä" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage,
});
const events = [
  { type: "message_start", message: { ...message, usage } },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "odd ä" } },
  { type: "content_block_stop", index: 0 },
  {
    type: "message_delta",
    delta: { stop_reason: "end_turn", stop_sequence: null },
    usage: { output_tokens: 5 },
  },
  { type: "message_stop" },
];
const framed = (newline: string, split = false) =>
  events
    .map((event) => {
      const json = JSON.stringify(event);
      const data = split ? json.replace(",", `,${newline}data: `) : json;
      return `event: ${event.type}${newline}data: ${data}${newline}${newline}`;
    })
    .join("");
const stream = framed("\n");

const json = "content-type: application/json";
const sse = "content-type: text/event-stream";
const head = (lines: string[], status = "200 OK") => `HTTP/1.1 ${status}\r\n${lines.join("\r\n")}\r\n\r\n`;
const length = (body: string | Buffer) => `content-length: ${Buffer.byteLength(body)}`;
const whole = (body: string, type: string, status?: string) => head([type, length(body)], status) + body;
const inChunks = (body: string, extension = "", trailers = "") => {
  const bytes = Buffer.from(body);
  const size = bytes.length.toString(16);
  return `${size}${extension}\r\n${body}\r\n0\r\n${trailers}\r\n`;
};
const chunked = "transfer-encoding: chunked";

/** What comes out: the odd provider's own answer, the good account's, or a connection that breaks off. */
type Outcome = "odd" | "good" | "cut" | "passed on";

interface Provider {
  /** Written when the head of the request is there. */
  bytes(isStream: boolean): string | Buffer;
  /** Ends the connection after it. */
  closes?: boolean;
  outcome: Outcome;
  /** Where a stream, or a converted answer, ends in another way. */
  streamed?: Outcome;
  chat?: Outcome;
  /** Only one of the two forms. */
  only?: "stream" | "document";
  /** The client sends so much more. */
  bodyBytes?: number;
}

const body = (isStream: boolean) => (isStream ? whole(stream, sse) : whole(document, json));

const providers: Record<string, Provider> = {
  "interim answers before the answer": {
    bytes: (isStream) =>
      `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${body(isStream)}`,
    outcome: "odd",
  },
  // undici takes it for a fault where the request did not ask for it.
  "a 100 that nobody asked for": {
    bytes: (isStream) => `HTTP/1.1 100 Continue\r\n\r\n${body(isStream)}`,
    outcome: "good",
  },
  "chunks with extensions, and trailers": {
    bytes: (isStream) =>
      isStream
        ? head([sse, chunked]) + inChunks(stream, ";name=value", "x-error: none\r\n")
        : head([json, chunked]) + inChunks(document, ';a="b"', "x-error: none\r\n"),
    outcome: "odd",
  },
  "a status line without a reason": {
    bytes: (isStream) => body(isStream).replace("200 OK", "200 "),
    outcome: "odd",
  },
  "HTTP/1.0 that ends with its connection": {
    bytes: (isStream) => `HTTP/1.0 200 OK\r\n${isStream ? sse : json}\r\n\r\n${isStream ? stream : document}`,
    closes: true,
    outcome: "odd",
  },
  "a byte order mark": {
    bytes: (isStream) => (isStream ? whole(`\uFEFF${stream}`, sse) : whole(`\uFEFF${document}`, json)),
    outcome: "odd",
  },
  "CRLF, comments and data in several lines": {
    bytes: () => whole(`: hello\r\n\r\nretry: 10\r\n\r\n${framed("\r\n", true)}`, sse),
    only: "stream",
    outcome: "odd",
  },
  "carriage returns alone": {
    bytes: () => whole(framed("\r"), sse),
    only: "stream",
    outcome: "odd",
  },
  "nothing but comments": {
    bytes: () => whole(": ping\n\n: ping\n\n", sse),
    only: "stream",
    outcome: "good",
  },
  "a stream of an announced length of nothing": {
    bytes: () => head([sse, "content-length: 0"]),
    only: "stream",
    outcome: "good",
  },
  "half a character at the end": {
    bytes: () => {
      const half = Buffer.concat([
        Buffer.from(stream.slice(0, stream.indexOf("odd ä") + 4)),
        Buffer.from([0xc3]),
      ]);
      return Buffer.concat([Buffer.from(head([sse, "connection: close"])), half]);
    },
    closes: true,
    only: "stream",
    outcome: "cut",
  },
  "two lengths": {
    bytes: (isStream) => body(isStream).replace("content-length", "content-length: 5\r\ncontent-length"),
    outcome: "good",
  },
  "a length and chunks": {
    bytes: () => head([json, chunked, "content-length: 4"]) + inChunks(document),
    only: "document",
    outcome: "good",
  },
  "a chunk of no number": { bytes: () => `${head([json, chunked])}zz\r\n{}\r\n`, outcome: "good" },
  "a redirect with a whole answer in it": {
    bytes: (isStream) =>
      body(isStream).replace("200 OK", "307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/"),
    outcome: "good",
  },
  "a change of protocols that nobody asked for": {
    bytes: () => "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
    outcome: "good",
  },
  "no content": { bytes: () => head([], "204 No Content"), outcome: "good" },
  "a label of gzip on plain text": {
    bytes: (isStream) => body(isStream).replace("content-length", "content-encoding: gzip\r\ncontent-length"),
    outcome: "good",
  },
  "headers without end": { bytes: () => `HTTP/1.1 200 OK\r\nx-a: ${"a".repeat(400_000)}`, outcome: "good" },
  "another protocol": { bytes: () => "SSH-2.0-OpenSSH_9.9\r\n", outcome: "good" },
  "a second answer that nobody asked for": {
    bytes: (isStream) => body(isStream) + whole('{"type":"message","smuggled":true}', json),
    outcome: "odd",
  },
  "a refusal before it has read the request": {
    bytes: () =>
      head([json, "connection: close", "content-length: 88"], "413 Payload Too Large") +
      '{"type":"error","error":{"type":"request_too_large","message":"Request is too large...."}}'.slice(
        0,
        88,
      ),
    closes: true,
    outcome: "passed on",
    bodyBytes: 800_000,
  },
};

async function startOdd(
  t: TestContext,
  { bytes, closes = false }: Provider,
  isStream: boolean,
): Promise<string> {
  const { port } = await startTcpServer(t, (socket) => {
    socket.on("data", (chunk) => {
      // Each request's head comes with the beginning of its body at most.
      if (!chunk.includes("\r\n\r\n")) return;
      const answer = bytes(isStream);
      if (closes) socket.end(answer);
      else socket.write(answer);
    });
  });
  return `http://127.0.0.1:${port}`;
}

function outcomeOf(answer: ClientAnswer | undefined): Outcome | string {
  if (!answer) return "no answer";
  if (answer.end === "cut") return "cut";
  if (answer.status === 413) return "passed on";
  if (answer.status !== 200) return `${answer.status} ${answer.text.slice(0, 200)}`;
  return answer.header("x-cc-relay-account") === "odd" ? "odd" : "good";
}

for (const [name, provider] of Object.entries(providers)) {
  test(`a provider that sends ${name}`, async (t) => {
    const good = await startUpstream({ family: "claude" });
    t.after(() => good.close());
    for (const family of strangeFamilies.filter(({ name }) => name === "claude" || name === "chat")) {
      for (const isStream of [true, false]) {
        if (provider.only && (provider.only === "stream") !== isStream) continue;
        const url = await startOdd(t, provider, isStream);
        const relay = await startRelay({
          accounts: [
            testAccount("odd", "claude-api", url, { priority: 200 }),
            testAccount("good", "claude-api", good.url),
          ],
          configure: (config) => ({
            ...config,
            upstream: { ...config.upstream, firstByteTimeoutMs: 3000, unstreamedTimeoutMs: 3000 },
          }),
        });
        t.after(() => relay.close());
        const words = "x".repeat(provider.bodyBytes ?? 10);
        const ask = (model: string) =>
          send(relay.url, family.generate(model, isStream, words)).catch(() => undefined);
        const answer = await ask(family.models.ordinary);
        const expected =
          (family.name === "chat" ? provider.chat : undefined) ??
          (isStream ? provider.streamed : undefined) ??
          provider.outcome;
        const shown = `${family.name}, ${isStream ? "streamed" : "whole"}`;
        assert.equal(outcomeOf(answer), expected, `${shown}: ${answer?.text.slice(-300)}`);
        if (expected === "odd" || expected === "good") {
          assert.ok(
            family.isWhole(answer!.text.replace(/^\uFEFF/, ""), isStream),
            `${shown}: ${answer?.text}`,
          );
          if (expected === "odd") assert.match(answer!.text, /odd ä/);
        }
        const next = await ask(family.models.strange);
        assert.ok(next && ["odd", "good", expected].includes(outcomeOf(next)), `${shown}: the next one`);
        assert.doesNotMatch(next.text, /smuggled/);
      }
    }
  });
}
