import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Json, start } from "./support.ts";

describe("simulated Chat Completions", () => {
  const body = { model: "gpt-5", messages: [{ role: "user", content: "Say hi" }] };
  const chunksOf = (text: string) =>
    text
      .split("\n\n")
      .filter((block) => block.startsWith("data: {"))
      .map((block) => JSON.parse(block.slice(6)) as Json);

  it("gives one text as a document and as chunks, with its cost where that is asked for", async (t) => {
    const { openai } = await start(t);
    const whole = (await (await openai("/chat/completions", body)).json()) as Json;
    assert.equal(whole.object, "chat.completion");
    assert.match(whole.choices[0].message.content, /simulated answer.*You wrote: "Say hi"/);
    assert.equal(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens);

    const streamed = async (options: object) =>
      await (await openai("/chat/completions", { ...body, stream: true, ...options })).text();
    const plain = await streamed({});
    assert.ok(plain.endsWith("data: [DONE]\n\n"));
    const chunks = chunksOf(plain);
    const text = chunks.map(({ choices }) => choices[0].delta.content ?? "").join("");
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(chunks.at(-1)?.choices[0].finish_reason, "stop");
    assert.ok(chunks.every((chunk) => !("usage" in chunk)));

    const counted = chunksOf(await streamed({ stream_options: { include_usage: true } }));
    assert.deepEqual([counted.at(-1)?.choices, counted.at(-1)?.usage], [[], whole.usage]);
    assert.ok(counted.slice(0, -1).every(({ usage }) => usage === null));
  });

  it("calls a tool only when it must, and answers JSON where a schema is asked for", async (t) => {
    const { openai } = await start(t);
    const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const tools = [{ type: "function", function: { name: "look", parameters } }];
    const free = (await (await openai("/chat/completions", { ...body, tools })).json()) as Json;
    assert.equal(free.choices[0].finish_reason, "stop");
    const forced = { ...body, tools, tool_choice: { type: "function", function: { name: "look" } } };
    const called = (await (await openai("/chat/completions", forced)).json()) as Json;
    assert.equal(called.choices[0].finish_reason, "tool_calls");
    const [call] = called.choices[0].message.tool_calls;
    assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ["look", { city: "demo" }]);
    const chunks = chunksOf(await (await openai("/chat/completions", { ...forced, stream: true })).text());
    const written = chunks
      .map(({ choices }) => choices[0].delta.tool_calls?.[0].function.arguments ?? "")
      .join("");
    assert.deepEqual(JSON.parse(written), { city: "demo" });
    const format = { type: "json_schema", json_schema: { name: "n", schema: parameters } };
    const json = (await (
      await openai("/chat/completions", { ...body, response_format: format })
    ).json()) as Json;
    assert.deepEqual(JSON.parse(json.choices[0].message.content), { city: "demo" });
  });

  it("has the account's limit, and refuses a request without messages", async (t) => {
    const { openai } = await start(t, { requestsPerWindow: 1, windowMs: 7000 });
    const answer = await openai("/chat/completions", body, "demo-openai-1");
    assert.deepEqual([answer.status, answer.headers.get("retry-after")], [429, "7"]);
    const refused = await openai("/chat/completions", { model: "gpt-5" });
    assert.deepEqual([refused.status, ((await refused.json()) as Json).error.param], [400, "messages"]);
  });
});
