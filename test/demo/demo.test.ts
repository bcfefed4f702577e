import assert from "node:assert/strict";
import { afterEach, describe, it, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { createSimulatedAccount } from "../../src/demo/account.ts";
import { claudeDemo } from "../../src/demo/claude.ts";
import { type Demo, type DemoOptions, startDemo } from "../../src/demo/demo.ts";
import { geminiDemo } from "../../src/demo/gemini.ts";
import { openaiDemo } from "../../src/demo/openai.ts";

let demo: Demo | undefined;
let time = Date.UTC(2026, 10, 22, 12, 0, 0);

/** Fast, and without limits unless a test asks for them. */
async function start(options: DemoOptions = {}): Promise<Demo> {
  demo = await startDemo({ pauseMs: 0, latencyMs: 0, clock: () => time, ...options });
  return demo;
}

afterEach(async () => {
  await demo?.close();
  demo = undefined;
});

function keyOf(id: string): string {
  return demo?.accounts.find((account) => account.id === id)?.secret ?? "";
}

function claude(path: string, body: unknown, id = "demo-claude-2", headers: Record<string, string> = {}) {
  return fetch(`${demo?.urls.claude}${path}`, {
    method: "POST",
    headers: { "x-api-key": keyOf(id), "content-type": "application/json", ...headers },
    body: typeof body === "string" || body instanceof Buffer ? body : JSON.stringify(body),
  });
}

function gemini(path: string, body: unknown, id = "demo-gemini-2") {
  return fetch(`${demo?.urls.gemini}${path}`, {
    method: "POST",
    headers: { "x-goog-api-key": keyOf(id) },
    body: JSON.stringify(body),
  });
}

function openai(path: string, body: unknown, id = "demo-openai-2") {
  return fetch(`${demo?.urls.openai}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${keyOf(id)}` },
    body: JSON.stringify(body),
  });
}

const hello = { model: "claude-x", max_tokens: 100, messages: [{ role: "user", content: "Say hi" }] };

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the assertions
type Json = any;

/** The events of a stream: `event` lines where there are any, and the parsed `data`. */
function readEvents(text: string): { name: string | undefined; data: Json }[] {
  return text
    .split(/\r?\n\r?\n/)
    .filter((block) => block !== "")
    .map((block) => ({
      name: /^event: (.*)$/m.exec(block)?.[1],
      data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? "null"),
    }));
}

describe("the simulated accounts", () => {
  it("are two for each family, the first preferred, and one with a refused key, with addresses that are answered", async () => {
    const { accounts, urls } = await start();
    assert.deepEqual(
      accounts.map(({ id, type, priority }) => [id, type, priority]),
      [
        ["demo-claude-1", "claude-api", 110],
        ["demo-claude-2", "claude-api", 100],
        ["demo-gemini-1", "gemini-api", 110],
        ["demo-gemini-2", "gemini-api", 100],
        ["demo-openai-1", "openai-responses", 110],
        ["demo-openai-2", "openai-responses", 100],
        ["demo-claude-3", "claude-api", 120],
      ],
    );
    assert.match(urls.openai, /\/v1$/);
    assert.ok(accounts.every((account) => account.apiUrl === urls[account.family]));
  });

  it("refuse every other key in their own API's form", async () => {
    await start();
    const answers = await Promise.all([
      claude("/v1/messages", hello, "nobody", { "x-api-key": "sk-ant-other" }),
      gemini("/v1beta/models/m:generateContent", {}, "nobody"),
      openai("/responses", {}, "nobody"),
    ]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [401, 400, 401],
    );
    const [one, two, three] = (await Promise.all(answers.map((answer) => answer.json()))) as Json[];
    assert.equal(one.error.type, "authentication_error");
    assert.equal(two.error.details[0].reason, "API_KEY_INVALID");
    assert.equal(three.error.code, "invalid_api_key");
  });

  it("have one whose key is refused as Claude refuses it", async () => {
    await start();
    const answer = await claude("/v1/messages", hello, "demo-claude-3");
    const { error } = (await answer.json()) as Json;
    assert.deepEqual([answer.status, error.type], [401, "authentication_error"]);
  });

  it("give nothing away after close", async () => {
    const { urls, close } = await start();
    await close();
    demo = undefined;
    await assert.rejects(fetch(urls.claude));
  });
});

describe("the limit", () => {
  it("meets the first account's first request, ends at the time it says, and comes when the window is full again", async () => {
    await start({ requestsPerWindow: 2, windowMs: 20_000 });
    const used: unknown[] = [];
    const ask = async () => {
      const answer = await claude("/v1/messages", hello, "demo-claude-1");
      used.push([answer.status, answer.headers.get("anthropic-ratelimit-unified-5h-utilization")]);
      return answer;
    };
    const refused = await ask();
    assert.equal(refused.headers.get("retry-after"), "20");
    assert.equal(refused.headers.get("anthropic-ratelimit-unified-5h-status"), "rejected");
    assert.equal(Number(refused.headers.get("anthropic-ratelimit-unified-5h-reset")) * 1000, time + 20_000);
    time += 19_000;
    assert.equal((await ask()).headers.get("retry-after"), "1");
    time += 1000;
    for (let request = 0; request < 3; request += 1) await ask();
    assert.deepEqual(used, [
      [429, "1"],
      [429, "1"],
      [200, "0.5"],
      [200, "1"],
      [429, "1"],
    ]);
  });

  it("never meets the second account, and counting costs nothing", async () => {
    await start({ requestsPerWindow: 1 });
    for (let request = 0; request < 4; request += 1) {
      assert.equal((await claude("/v1/messages", hello)).status, 200);
    }
    assert.equal((await claude("/v1/messages/count_tokens", hello, "demo-claude-1")).status, 200);
  });

  it("has Google's form, also as an array where a stream is one", async () => {
    await start({ requestsPerWindow: 1, windowMs: 7000 });
    const body = { contents: [{ role: "user", parts: [{ text: "hi" }] }] };
    const answer = await gemini("/v1beta/models/gemini-x:generateContent", body, "demo-gemini-1");
    const { error } = (await answer.json()) as Json;
    assert.deepEqual(
      [answer.status, error.status, error.details[1].retryDelay],
      [429, "RESOURCE_EXHAUSTED", "7s"],
    );
    const stream = await gemini("/v1beta/models/gemini-x:streamGenerateContent", body, "demo-gemini-1");
    assert.equal(((await stream.json()) as Json)[0].error.code, 429);
  });

  it("has OpenAI's form", async () => {
    await start({ requestsPerWindow: 1, windowMs: 7000 });
    const answer = await openai("/responses", { model: "gpt-x", input: "hi" }, "demo-openai-1");
    const { error } = (await answer.json()) as Json;
    assert.deepEqual([answer.status, error.code], [429, "rate_limit_exceeded"]);
    assert.equal(answer.headers.get("retry-after"), "7");
    assert.equal(answer.headers.get("x-ratelimit-remaining-requests"), "0");
  });
});

test("every stream comes in pieces of a few words", () => {
  const message = [{ role: "user", content: "Say hi" }];
  const streams = [
    [claudeDemo, "/v1/messages", { ...hello, stream: true }],
    [geminiDemo, "/v1beta/models/m:streamGenerateContent", { contents: [{ parts: [{ text: "Say hi" }] }] }],
    [openaiDemo, "/v1/responses", { model: "gpt-x", input: "Say hi", stream: true }],
    [openaiDemo, "/v1/chat/completions", { model: "gpt-x", messages: message, stream: true }],
  ] as const;
  for (const [provider, path, body] of streams) {
    const account = createSimulatedAccount({
      ...{ requestsPerWindow: 5, windowMs: 1000 },
      ...{ isLimited: false, weekUsed: 0 },
    });
    const query = new URLSearchParams("alt=sse");
    const { pieces } = provider.answer({ method: "POST", path, query, body, account, number: 1, now: time });
    // The last one of OpenAI's holds the whole response.
    assert.ok(pieces.length > 10 && pieces.slice(0, -1).every((piece) => piece.length < 2000), path);
    assert.ok(
      pieces.every((piece) => piece.endsWith("\n\n") || piece.endsWith("\r\n\r\n")),
      path,
    );
  }
});

describe("simulated Claude", () => {
  it("answers with a message that says it is a simulation and quotes the prompt", async () => {
    await start();
    const message = (await (await claude("/v1/messages", hello)).json()) as Json;
    assert.equal(message.type, "message");
    assert.equal(message.model, "claude-x");
    assert.equal(message.stop_reason, "end_turn");
    assert.match(message.content[0].text, /simulated answer.*You wrote: "Say hi"/);
    assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
  });

  it("streams the same message, with a ping, ending in message_stop", async () => {
    await start();
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

  it("thinks when it is asked to, and calls a tool only when it must", async () => {
    await start();
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

  it("answers with JSON where a schema is asked for", async () => {
    await start();
    const schema = { type: "object", properties: { title: { type: "string" } }, required: ["title"] };
    const answer = await claude("/v1/messages", {
      ...hello,
      output_config: { format: { type: "json_schema", schema } },
    });
    const message = (await answer.json()) as Json;
    assert.deepEqual(JSON.parse(message.content[0].text), { title: "demo" });
  });

  it("writes a marked prefix into its cache once and reads it after that", async () => {
    await start();
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

  it("refuses what the API refuses", async () => {
    await start();
    const { max_tokens: _, ...incomplete } = hello;
    for (const body of [incomplete, "{", "[]", { ...hello, messages: [] }]) {
      const answer = await claude("/v1/messages", body);
      assert.equal(answer.status, 400);
      assert.equal(((await answer.json()) as Json).error.type, "invalid_request_error");
    }
  });

  it("reads bodies in the codings that clients use", async () => {
    await start();
    const text = JSON.stringify(hello);
    const gzip = await claude("/v1/messages", gzipSync(text), "demo-claude-2", {
      "content-encoding": "gzip",
    });
    const zstd = await claude("/v1/messages", zstdCompressSync(text), "demo-claude-2", {
      "content-encoding": "zstd",
    });
    assert.deepEqual([gzip.status, zstd.status], [200, 200]);
  });

  it("lists its models and gives each of them", async () => {
    await start();
    const headers = { authorization: `Bearer ${keyOf("demo-claude-1")}` };
    const list = (await (await fetch(`${demo?.urls.claude}/v1/models`, { headers })).json()) as Json;
    assert.equal(list.has_more, false);
    const one = (await (
      await fetch(`${demo?.urls.claude}/v1/models/${list.data[0].id}`, { headers })
    ).json()) as Json;
    assert.deepEqual(one, list.data[0]);
    assert.equal((await fetch(`${demo?.urls.claude}/v1/models/none`, { headers })).status, 404);
  });

  it("survives a client that leaves in mid-stream", async () => {
    await start({ pauseMs: 50 });
    const leave = new AbortController();
    const answer = await fetch(`${demo?.urls.claude}/v1/messages`, {
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

describe("simulated Gemini", () => {
  const body = { contents: [{ role: "user", parts: [{ text: "Say hi" }] }] };
  const textOf = (answer: Json) => answer.candidates[0].content.parts.map((part: Json) => part.text).join("");

  it("gives one text as a document, as events and as an array", async () => {
    await start();
    const path = "/v1beta/models/gemini-x";
    const whole = (await (await gemini(`${path}:generateContent`, body)).json()) as Json;
    assert.match(textOf(whole), /simulated answer/);
    assert.equal(whole.candidates[0].finishReason, "STOP");

    const raw = await (await gemini(`${path}:streamGenerateContent?alt=sse`, body)).text();
    assert.ok(
      raw
        .split("\r\n\r\n")
        .slice(0, -1)
        .every((block) => block.startsWith("data: ")),
    );
    const events = readEvents(raw).map(({ data }) => data);
    assert.equal(events.map(textOf).join(""), textOf(whole));
    assert.deepEqual(events.at(-1).usageMetadata, whole.usageMetadata);
    assert.deepEqual(
      events.map((event) => event.candidates[0].finishReason),
      [...Array(events.length - 1).fill(undefined), "STOP"],
    );

    const array = (await (await gemini(`${path}:streamGenerateContent`, body)).json()) as Json;
    assert.equal(array.length, events.length);
    assert.equal(array.map(textOf).join(""), textOf(whole));
  });

  it("reports figures that add up, thoughts apart", async () => {
    await start();
    const asked = { ...body, generationConfig: { thinkingConfig: { includeThoughts: true } } };
    const answer = (await (await gemini("/v1beta/models/m:generateContent", asked)).json()) as Json;
    const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount, totalTokenCount } =
      answer.usageMetadata;
    assert.equal(totalTokenCount, promptTokenCount + candidatesTokenCount + thoughtsTokenCount);
    assert.deepEqual(
      answer.candidates[0].content.parts.map((part: Json) => part.thought ?? false),
      [true, false],
    );
  });

  it("counts, embeds and embeds in batches", async () => {
    await start();
    const content = { parts: [{ text: "x" }] };
    const count = (await (await gemini("/v1/models/m:countTokens", body)).json()) as Json;
    assert.ok(count.totalTokens > 0);
    const one = (await (
      await gemini("/v1beta/models/m:embedContent", { content, outputDimensionality: 5 })
    ).json()) as Json;
    assert.equal(one.embedding.values.length, 5);
    const many = (await (
      await gemini("/v1beta/models/m:batchEmbedContents", { requests: [{ content }, { content }] })
    ).json()) as Json;
    assert.deepEqual(
      many.embeddings.map(({ values }: Json) => values.length),
      [768, 768],
    );
  });

  it("calls a function only when it must, and answers JSON where that is asked for", async () => {
    await start();
    const tools = [
      {
        functionDeclarations: [
          { name: "look", parameters: { type: "OBJECT", properties: { at: { type: "STRING" } } } },
        ],
      },
    ];
    const forced = { ...body, tools, toolConfig: { functionCallingConfig: { mode: "ANY" } } };
    const called = (await (await gemini("/v1beta/models/m:generateContent", forced)).json()) as Json;
    assert.deepEqual(called.candidates[0].content.parts[0].functionCall.args, { at: "demo" });
    const schema = {
      type: "OBJECT",
      properties: { model_choice: { type: "STRING", enum: ["flash", "pro"] } },
    };
    const asked = {
      ...body,
      tools,
      generationConfig: { responseMimeType: "application/json", responseSchema: schema },
    };
    const routed = (await (await gemini("/v1beta/models/m:generateContent", asked)).json()) as Json;
    assert.deepEqual(JSON.parse(textOf(routed)), { model_choice: "flash" });
  });

  it("lists its models, with the key in the query too", async () => {
    await start();
    const list = (await (
      await fetch(`${demo?.urls.gemini}/v1beta/models?key=${keyOf("demo-gemini-1")}`)
    ).json()) as Json;
    assert.equal(list.models[0].name, "models/gemini-demo-large");
  });

  it("refuses a request without contents", async () => {
    await start();
    assert.equal((await gemini("/v1beta/models/m:generateContent", {})).status, 400);
    assert.ok(Array.isArray(await (await gemini("/v1beta/models/m:streamGenerateContent", {})).json()));
  });
});

describe("simulated OpenAI", () => {
  const body = { model: "gpt-x", input: "Say hi" };

  it("streams the response that it gives as a document", async () => {
    await start();
    const whole = (await (await openai("/responses", body)).json()) as Json;
    assert.match(whole.output[0].content[0].text, /simulated answer.*You wrote: "Say hi"/);
    const events = readEvents(await (await openai("/responses", { ...body, stream: true })).text());
    assert.ok(events.every(({ name, data }) => name === data.type));
    assert.deepEqual(
      events.map(({ data }) => data.sequence_number),
      events.map((_, index) => index),
    );
    assert.equal(events[0]?.name, "response.created");
    const last = events.at(-1);
    assert.equal(last?.name, "response.completed");
    assert.deepEqual(last?.data.response.usage, whole.usage);
    const text = events
      .filter(({ name }) => name === "response.output_text.delta")
      .map(({ data }) => data.delta);
    assert.equal(text.join(""), whole.output[0].content[0].text);
  });

  it("reasons, encrypted where it is asked to, and calls a function only when it must", async () => {
    await start();
    const tools = [
      {
        type: "function",
        name: "look",
        parameters: { type: "object", properties: { at: { type: "string" } } },
      },
    ];
    const asked = {
      ...body,
      tools,
      tool_choice: "required",
      reasoning: { effort: "low" },
      include: ["reasoning.encrypted_content"],
    };
    const { output, usage } = (await (await openai("/responses", asked)).json()) as Json;
    assert.deepEqual(
      output.map(({ type }: Json) => type),
      ["reasoning", "function_call"],
    );
    assert.ok(output[0].encrypted_content.length > 0);
    const { output: shown } = (await (await openai("/responses", { ...asked, include: [] })).json()) as Json;
    assert.equal("encrypted_content" in shown[0], false);
    assert.deepEqual(JSON.parse(output[1].arguments), { at: "demo" });
    assert.ok(usage.output_tokens_details.reasoning_tokens > 0);
    const events = readEvents(await (await openai("/responses", { ...asked, stream: true })).text());
    assert.ok(events.some(({ name }) => name === "response.reasoning_summary_text.delta"));
    assert.ok(events.some(({ name }) => name === "response.function_call_arguments.done"));
  });

  it("knows a previous response on the account that gave it only", async () => {
    await start();
    const first = (await (await openai("/responses", body)).json()) as Json;
    const next = { ...body, previous_response_id: first.id };
    assert.equal((await openai("/responses", next)).status, 200);
    const elsewhere = await openai("/responses", next, "demo-openai-1");
    assert.equal(elsewhere.status, 400);
    assert.equal(((await elsewhere.json()) as Json).error.code, "previous_response_not_found");
    const headers = { authorization: `Bearer ${keyOf("demo-openai-2")}` };
    const read = (await (
      await fetch(`${demo?.urls.openai}/responses/${first.id}`, { headers })
    ).json()) as Json;
    assert.equal(read.id, first.id);
    const gone = await fetch(`${demo?.urls.openai}/responses/${first.id}`, { headers, method: "DELETE" });
    assert.equal(((await gone.json()) as Json).deleted, true);
    assert.equal((await fetch(`${demo?.urls.openai}/responses/${first.id}`, { headers })).status, 404);
  });

  it("compacts, and lists its models", async () => {
    await start();
    const input = [
      { role: "user", content: "a" },
      { role: "assistant", content: "b" },
    ];
    const { object, output } = (await (
      await openai("/responses/compact", { model: "gpt-x", input })
    ).json()) as Json;
    assert.equal(object, "response.compaction");
    assert.deepEqual(
      output.map((item: Json) => item.role ?? item.type),
      ["user", "compaction"],
    );
    const headers = { authorization: `Bearer ${keyOf("demo-openai-1")}` };
    const list = (await (await fetch(`${demo?.urls.openai}/models`, { headers })).json()) as Json;
    assert.equal(list.object, "list");
    assert.notEqual(list.data.length, 0);
  });

  it("refuses a request without input", async () => {
    await start();
    const answer = await openai("/responses", { model: "gpt-x" });
    assert.equal(((await answer.json()) as Json).error.param, "input");
  });
});

describe("simulated Chat Completions", () => {
  const body = { model: "gpt-5", messages: [{ role: "user", content: "Say hi" }] };
  const chunksOf = (text: string) =>
    text
      .split("\n\n")
      .filter((block) => block.startsWith("data: {"))
      .map((block) => JSON.parse(block.slice(6)) as Json);

  it("gives one text as a document and as chunks, with its cost where that is asked for", async () => {
    await start();
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

  it("calls a tool only when it must, and answers JSON where a schema is asked for", async () => {
    await start();
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

  it("has the account's limit, and refuses a request without messages", async () => {
    await start({ requestsPerWindow: 1, windowMs: 7000 });
    const answer = await openai("/chat/completions", body, "demo-openai-1");
    assert.deepEqual([answer.status, answer.headers.get("retry-after")], [429, "7"]);
    const refused = await openai("/chat/completions", { model: "gpt-5" });
    assert.deepEqual([refused.status, ((await refused.json()) as Json).error.param], [400, "messages"]);
  });
});
