import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { hello, type Json, readEvents, start } from "./support.ts";

describe("simulated Claude", () => {
  it("answers with a message that says it is a simulation and quotes the prompt", async (t) => {
    const { claude } = await start(t);
    const message = (await (await claude("/v1/messages", hello)).json()) as Json;
    assert.equal(message.type, "message");
    assert.equal(message.model, "claude-x");
    assert.equal(message.stop_reason, "end_turn");
    assert.match(message.content[0].text, /simulated answer.*You wrote: "Say hi"/);
    assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
  });

  it("streams the same message, with a ping, ending in message_stop", async (t) => {
    const { claude } = await start(t);
    const whole = (await (await claude("/v1/messages", hello)).json()) as Json;
    const answer = await claude("/v1/messages", { ...hello, stream: true });
    assert.match(answer.headers.get("content-type") ?? "", /^text\/event-stream/);
    const events = readEvents(await answer.text());
    assert.ok(events.every(({ name, data }) => name === data.type));
    const kinds = events.map(({ name }) => name).filter((name, index, all) => name !== all[index - 1]);
    assert.deepEqual(kinds, [
      "message_start",
      "content_block_start",
      "ping",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    const text = events.map(({ data }) => data.delta?.text ?? "").join("");
    assert.equal(text, whole.content[0].text);
    assert.equal(events.at(-2)?.data.usage.output_tokens, whole.usage.output_tokens);
  });

  it("thinks when it is asked to, and calls a tool only when it must", async (t) => {
    const { claude } = await start(t);
    const tools = [
      {
        name: "get_weather",
        input_schema: {
          type: "object",
          properties: { city: { type: "string" }, days: { type: "integer" } },
          required: ["city", "days"],
        },
      },
    ];
    const free = (await (await claude("/v1/messages", { ...hello, tools })).json()) as Json;
    assert.equal(free.stop_reason, "end_turn");
    const body = {
      ...hello,
      tools,
      tool_choice: { type: "any" },
      thinking: { type: "adaptive", display: "summarized" },
    };
    const forced = (await (await claude("/v1/messages", body)).json()) as Json;
    assert.deepEqual(
      forced.content.map((block: Json) => block.type),
      ["thinking", "tool_use"],
    );
    assert.deepEqual(forced.content[1].input, { city: "demo", days: 1 });
    assert.equal(forced.stop_reason, "tool_use");
    const events = readEvents(await (await claude("/v1/messages", { ...body, stream: true })).text());
    const input = events.map(({ data }) => data.delta?.partial_json ?? "").join("");
    assert.deepEqual(JSON.parse(input), { city: "demo", days: 1 });
    assert.ok(
      events.some(({ data }) => data.delta?.type === "signature_delta" && data.delta.signature !== ""),
    );
  });

  it("answers with JSON where a schema is asked for", async (t) => {
    const { claude } = await start(t);
    const schema = { type: "object", properties: { title: { type: "string" } }, required: ["title"] };
    const answer = await claude("/v1/messages", {
      ...hello,
      output_config: { format: { type: "json_schema", schema } },
    });
    const message = (await answer.json()) as Json;
    assert.deepEqual(JSON.parse(message.content[0].text), { title: "demo" });
  });

  it("writes a marked prefix into its cache once and reads it after that", async (t) => {
    const { claude } = await start(t);
    const body = {
      ...hello,
      system: [{ type: "text", text: "x".repeat(4000), cache_control: { type: "ephemeral" } }],
    };
    const usage = async () => ((await (await claude("/v1/messages", body)).json()) as Json).usage;
    const [first, second] = [await usage(), await usage()];
    assert.ok(first.cache_creation_input_tokens > 1000);
    assert.equal(first.cache_read_input_tokens, 0);
    assert.equal(second.cache_read_input_tokens, first.cache_creation_input_tokens);
    assert.equal(second.input_tokens, first.input_tokens);
    const { input_tokens } = (await (await claude("/v1/messages/count_tokens", body)).json()) as Json;
    assert.equal(input_tokens, first.input_tokens + first.cache_creation_input_tokens);
  });

  it("refuses what the API refuses", async (t) => {
    const { claude } = await start(t);
    const { max_tokens: _, ...incomplete } = hello;
    for (const body of [incomplete, "{", "[]", { ...hello, messages: [] }]) {
      const answer = await claude("/v1/messages", body);
      assert.equal(answer.status, 400);
      assert.equal(((await answer.json()) as Json).error.type, "invalid_request_error");
    }
  });

  it("reads bodies in the codings that clients use", async (t) => {
    const { claude } = await start(t);
    const text = JSON.stringify(hello);
    const gzip = await claude("/v1/messages", gzipSync(text), "demo-claude-2", {
      "content-encoding": "gzip",
    });
    const zstd = await claude("/v1/messages", zstdCompressSync(text), "demo-claude-2", {
      "content-encoding": "zstd",
    });
    assert.deepEqual([gzip.status, zstd.status], [200, 200]);
  });

  it("lists its models and gives each of them", async (t) => {
    const { keyOf, urls } = await start(t);
    const headers = { authorization: `Bearer ${keyOf("demo-claude-1")}` };
    const list = (await (await fetch(`${urls.claude}/v1/models`, { headers })).json()) as Json;
    assert.equal(list.has_more, false);
    const one = (await (
      await fetch(`${urls.claude}/v1/models/${list.data[0].id}`, { headers })
    ).json()) as Json;
    assert.deepEqual(one, list.data[0]);
    assert.equal((await fetch(`${urls.claude}/v1/models/none`, { headers })).status, 404);
  });

  it("survives a client that leaves in mid-stream", async (t) => {
    const { claude, keyOf, urls } = await start(t, { pauseMs: 50 });
    const leave = new AbortController();
    const answer = await fetch(`${urls.claude}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": keyOf("demo-claude-2") },
      body: JSON.stringify({ ...hello, stream: true }),
      signal: leave.signal,
    });
    await answer.body?.getReader().read();
    leave.abort();
    assert.equal((await claude("/v1/messages", hello)).status, 200);
  });
});
