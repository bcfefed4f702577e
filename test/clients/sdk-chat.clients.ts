// The OpenAI SDK on Chat Completions, which the relay converts to Claude Messages: what the library makes of it, in whole answers and in streams.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContentPiece } from "../../src/demo/provider/generation.ts";
import { assertAcceptable } from "../dialects/chat/claude-rules.ts";
import type { Behaviour, RecordedRequest } from "../support/behaviour.ts";
import { claudeErrorEvent, claudeFailures } from "../support/claude-script.ts";
import {
  type Completion,
  errorOf,
  type OpenAiClient,
  type SeenError,
  sdks,
  type ToolRunner,
} from "./sdks.ts";
import { accountsAsked, assertSound, firstKey, type RelayStage, startRelayStage } from "./stage.ts";
import { greeting } from "./task.ts";

const settings = { type: "claude-api" } as const;
const model = "claude-sonnet-5-5";
const question = { model, messages: [{ role: "user", content: "Grüß Gott" }] };
const once = { maxRetries: 0 };

interface ChatStage extends RelayStage {
  client: OpenAiClient;
}

/** Keys of both API accounts, and a login that converted requests must never use. */
async function startChat(t: Parameters<typeof startRelayStage>[0]): Promise<ChatStage> {
  const stage = await startRelayStage(t, { ...settings, other: "claude-oauth" });
  return { ...stage, client: sdks.openai(await stage.relay.env("openai")) };
}

/** Everything that reached the provider is something that Claude accepts, from an account whose key it is. */
async function assertSoundChat(stage: ChatStage): Promise<void> {
  for (const { json, credential } of stage.upstream.requests) {
    assertAcceptable(json);
    assert.match(credential, /^key-of-(first|second)$/);
  }
  await assertSound(stage);
}

/** The same request as a whole answer, and as the library puts a stream together. */
async function bothWays(
  client: OpenAiClient,
  body: object,
): Promise<{ whole: Completion; streamed: Completion }> {
  const whole = await client.chat.completions.create(body);
  const streamed = await client.chat.completions
    .stream({ ...body, stream_options: { include_usage: true } })
    .finalChatCompletion();
  return { whole, streamed };
}

test("Chat Completions: a whole and a streamed answer say the same, with the same usage", async (t) => {
  const stage = await startChat(t);
  const usage = { input: 10, cacheRead: 300, cacheWrite5m: 20, cacheWrite1h: 0, output: 77, reasoning: 0 };
  stage.upstream.on(() => true, { content: greeting, events: 9, usage });
  const { whole, streamed } = await bothWays(stage.client, {
    ...question,
    messages: [{ role: "system", content: "Be brief." }, ...question.messages],
  });
  for (const { choices, usage } of [whole, streamed]) {
    assert.equal(choices[0]?.message.content, greeting);
    assert.equal(choices[0]?.finish_reason, "stop");
    assert.deepEqual(
      [usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens_details?.cached_tokens],
      [330, 77, 300],
    );
  }
  const { system } = stage.upstream.requests[0]!.json as { system: unknown };
  assert.deepEqual(system, [{ type: "text", text: "Be brief." }]);
  await assertSoundChat(stage);
});

const lookUp = {
  type: "function",
  function: {
    name: "look_up",
    description: "Looks something up",
    parameters: { type: "object", properties: { what: { type: "string" } }, required: ["what"] },
  },
} as const;

function call(id: string, input: unknown): ContentPiece {
  return { kind: "tool", id, name: "look_up", input };
}

test("Chat Completions: parallel calls of tools arrive whole, in a stream piece by piece, and their results go back in one turn", async (t) => {
  const stage = await startChat(t);
  const { upstream, client } = stage;
  const calls = [
    call("toolu_a", { what: 'Zürich — 你好 "x"' }),
    call("toolu_b", {}),
    call("toolu_c", { what: "" }),
  ];
  upstream.on(() => true, { content: [{ kind: "text", text: "One moment." }, ...calls], events: 6 });
  const body = { ...question, tools: [lookUp], parallel_tool_calls: true };
  const { whole, streamed } = await bothWays(client, body);
  for (const { choices } of [whole, streamed]) {
    const { message, finish_reason } = choices[0]!;
    assert.equal(finish_reason, "tool_calls");
    assert.equal(message.content, "One moment.");
    assert.deepEqual(
      message.tool_calls?.map(({ id, type, function: { name, arguments: text } }) => [
        id,
        type,
        name,
        JSON.parse(text),
      ]),
      calls.map((piece) => piece.kind === "tool" && [piece.id, "function", "look_up", piece.input]),
    );
  }

  upstream.on(() => true, { content: greeting });
  const answered = await client.chat.completions.create({
    ...body,
    messages: [
      ...question.messages,
      streamed.choices[0]!.message,
      { role: "tool", tool_call_id: "toolu_c", content: "nothing" },
      { role: "tool", tool_call_id: "toolu_a", content: "a city" },
      { role: "tool", tool_call_id: "toolu_b", content: "" },
      { role: "user", content: "Well?" },
    ],
  });
  assert.equal(answered.choices[0]?.message.content, greeting);
  const last = lastMessage(upstream.requests.at(-1)!);
  assert.deepEqual(
    last.content.map(({ type, tool_use_id }) => tool_use_id ?? type),
    ["toolu_c", "toolu_a", "toolu_b", "text"],
  );
  await assertSoundChat(stage);
});

interface ClaudeBlock {
  type: string;
  tool_use_id?: string;
  text?: string;
  content?: unknown;
  source?: { type: string; media_type: string; data: string };
}

function lastMessage({ json }: RecordedRequest): { role: string; content: ClaudeBlock[] } {
  const { messages } = json as { messages: { role: string; content: ClaudeBlock[] }[] };
  return messages.at(-1)!;
}

for (const stream of [false, true]) {
  test(`Chat Completions: the library's own agent loop goes ten turns, though its account reaches its limit in the middle, ${stream ? "streamed" : "with whole answers"}`, async (t) => {
    const stage = await startChat(t);
    const { upstream, client } = stage;
    // Every turn asks for two more numbers, until ten turns are done.
    upstream.on(
      () => true,
      (request): Behaviour => {
        const turns = resultsIn(request).length / 2;
        if (turns >= 5 && request.credential === firstKey) {
          return claudeFailures.windowRejected("5h", Date.now() + 7_200_000);
        }
        if (turns === 10) return { content: `Seen: ${resultsIn(request).join(" ")}` };
        return {
          content: [
            call(`toolu_${turns}_a`, { what: `${turns}` }),
            call(`toolu_${turns}_b`, { what: `${turns + 100}` }),
          ],
        };
      },
    );
    const runner: ToolRunner = client.chat.completions.runTools(
      {
        ...question,
        stream,
        tools: [
          {
            type: "function",
            function: {
              ...lookUp.function,
              parse: JSON.parse,
              function: ({ what }: { what: string }) => `found-${what}`,
            },
          },
        ],
      },
      { maxChatCompletions: 20 },
    );
    const expected = Array.from({ length: 10 }, (_, turn) => `found-${turn} found-${turn + 100}`);
    assert.equal(await runner.finalContent(), `Seen: ${expected.join(" ")}`);
    const accounts = [...Array(6).fill("first"), ...Array(6).fill("second")];
    assert.deepEqual(accountsAsked(stage), accounts);
    await assertSoundChat(stage);
  });
}

function resultsIn({ json }: RecordedRequest): string[] {
  const { messages } = json as { messages: { content: ClaudeBlock[] }[] };
  const blocks = messages.flatMap(({ content }) => content);
  return blocks.flatMap(({ type, content }) =>
    type === "tool_result" ? [/found-\d+/.exec(JSON.stringify(content))?.[0] ?? "nothing"] : [],
  );
}

test("Chat Completions: a picture in a data URL reaches the model as it is", async (t) => {
  const stage = await startChat(t);
  const png =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  stage.upstream.on(() => true, { content: greeting });
  const content = [
    { type: "text", text: "What is this?" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${png}`, detail: "high" } },
  ];
  const { whole, streamed } = await bothWays(stage.client, { model, messages: [{ role: "user", content }] });
  assert.equal(whole.choices[0]?.message.content, greeting);
  assert.equal(streamed.choices[0]?.message.content, greeting);
  for (const request of stage.upstream.requests) {
    const image = lastMessage(request).content.find(({ type }) => type === "image");
    assert.deepEqual(image?.source, { type: "base64", media_type: "image/png", data: png });
  }
  await assertSoundChat(stage);
});

test("Chat Completions: an answer by a JSON schema is demanded of the model and parsed by the library", async (t) => {
  const stage = await startChat(t);
  const city = { name: "Zürich", population: 447_082 };
  stage.upstream.on(() => true, { content: JSON.stringify(city) });
  const schema = {
    type: "object",
    properties: { name: { type: "string" }, population: { type: "integer", minimum: 1 } },
    required: ["name", "population"],
    additionalProperties: false,
  };
  const response_format = { type: "json_schema", json_schema: { name: "city", strict: true, schema } };
  const body = { ...question, response_format };
  const parsed = await stage.client.chat.completions.parse({
    ...body,
    response_format: { ...response_format, $brand: "auto-parseable-response-format", $parseRaw: JSON.parse },
  });
  assert.deepEqual(parsed.choices[0]?.message.parsed, city);
  const { whole, streamed } = await bothWays(stage.client, body);
  for (const { choices } of [whole, streamed]) {
    assert.deepEqual(JSON.parse(choices[0]?.message.content ?? ""), city);
  }
  for (const { json } of stage.upstream.requests) {
    const { output_config } = json as {
      output_config: { format: { type: string; schema: { required: string[] } } };
    };
    assert.equal(output_config.format.type, "json_schema");
    assert.deepEqual(output_config.format.schema.required, ["name", "population"]);
  }
  await assertSoundChat(stage);
});

test("Chat Completions: an account at its limit is not noticed", async (t) => {
  const stage = await startChat(t);
  stage.upstream.on(firstKey, claudeFailures.windowRejected("5h", Date.now() + 7_200_000));
  const { whole, streamed } = await bothWays(stage.client, question);
  assert.ok(whole.choices[0]?.message.content && streamed.choices[0]?.message.content);
  assert.deepEqual(accountsAsked(stage), ["first", "second", "second"]);
  await assertSoundChat(stage);
});

test("Chat Completions: aborting a stream ends the provider's work at once", async (t) => {
  const stage = await startChat(t);
  stage.upstream.on(() => true, { betweenEvents: 50, events: 100 });
  const stop = new AbortController();
  const body = { ...question, stream: true } as const;
  const stream = await stage.client.chat.completions.create(body, { signal: stop.signal });
  for await (const { choices } of stream) if (choices[0]?.delta.content) stop.abort();
  const [request] = stage.upstream.requests;
  await request?.closed;
  assert.equal(request?.aborted, true);
  await assertSoundChat(stage);
});

const errors: Record<string, { behaviour: Behaviour; seen: Partial<SeenError> }> = {
  "an invalid request": {
    behaviour: claudeFailures.invalidRequest("max_tokens: too large"),
    seen: { class: "BadRequestError", status: 400, type: "invalid_request_error" },
  },
  "too long a prompt": {
    behaviour: claudeFailures.invalidRequest("prompt is too long: 1000001 tokens > 1000000 maximum"),
    seen: { class: "BadRequestError", status: 400, code: "context_length_exceeded" },
  },
  "a missing model": {
    behaviour: claudeFailures.modelMissing("claude-nope"),
    seen: { class: "NotFoundError", status: 404, code: "model_not_found", param: "model" },
  },
  "too large a request": { behaviour: claudeFailures.tooLarge(), seen: { class: "APIError", status: 413 } },
  "a fault of the provider": {
    behaviour: claudeFailures.serverError(),
    seen: { class: "InternalServerError", status: 500, type: "server_error" },
  },
  "an overloaded provider": {
    behaviour: claudeFailures.overloaded(),
    seen: { class: "InternalServerError", status: 503, code: "server_is_overloaded" },
  },
  "accounts whose keys are refused": {
    behaviour: claudeFailures.unauthorized(),
    seen: { class: "InternalServerError", status: 503 },
  },
  "every account at its limit": {
    behaviour: claudeFailures.windowRejected("7d", Date.now() + 7_200_000),
    seen: { class: "RateLimitError", status: 429, code: "insufficient_quota" },
  },
};

for (const [what, { behaviour, seen }] of Object.entries(errors)) {
  test(`Chat Completions: ${what} is the error that OpenAI's own API would give, streamed or not`, async (t) => {
    const stage = await startChat(t);
    stage.upstream.on(() => true, behaviour);
    for (const stream of [false, true]) {
      const error = await errorOf(stage.client.chat.completions.create({ ...question, stream }, once));
      assert.deepEqual(pick(error, seen), seen, `stream: ${stream}, ${error.message}`);
    }
    await assertSoundChat(stage);
  });
}

function pick(error: SeenError, wanted: Partial<SeenError>): Partial<SeenError> {
  return Object.fromEntries(Object.entries(error).filter(([name]) => name in wanted));
}

const broken: Record<string, Behaviour> = {
  "a stream that breaks off": { events: 9, cut: { afterEvents: 5, how: "rst" } },
  "an error in mid-stream": {
    events: 9,
    errorAfter: { events: 5, event: claudeErrorEvent("overloaded_error") },
  },
};

for (const [what, behaviour] of Object.entries(broken)) {
  test(`Chat Completions: ${what} raises an error in the library after the text that had come`, async (t) => {
    const stage = await startChat(t);
    stage.upstream.on(() => true, behaviour);
    let text = "";
    const error = await errorOf(
      (async () => {
        for await (const { choices } of await stage.client.chat.completions.create({
          ...question,
          stream: true,
        }))
          text += choices[0]?.delta.content ?? "";
      })(),
    );
    assert.equal(error.class, "APIError");
    assert.ok(text.length > 0);
    assert.equal(stage.upstream.requests.length, 1, "nobody sends it again by itself");
    await assertSoundChat(stage);
  });
}

test("Chat Completions: what cannot be converted is refused with the parameter's name, and a wrong key as such", async (t) => {
  const stage = await startChat(t);
  const refused = await errorOf(stage.client.chat.completions.create({ ...question, n: 2 }, once));
  assert.deepEqual([refused.class, refused.status, refused.param], ["BadRequestError", 400, "n"]);
  const wrong = sdks.openai({ ...(await stage.relay.env("openai")), OPENAI_API_KEY: "not-the-key" });
  const unknown = await errorOf(wrong.chat.completions.create(question, once));
  assert.deepEqual(
    [unknown.class, unknown.status, unknown.code],
    ["AuthenticationError", 401, "invalid_api_key"],
  );
  assert.equal(stage.upstream.requests.length, 0);
});
