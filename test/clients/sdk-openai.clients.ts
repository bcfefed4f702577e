// The OpenAI SDK on Responses, set up by `cc-relay env openai`: answers, tools, stored responses and errors as without the relay.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Behaviour } from "../support/behaviour.ts";
import { openaiError, openaiFailedEvent, openaiFailures, openaiModels } from "../support/openai-script.ts";
import { errorOf, type OpenAiClient, sdks } from "./sdks.ts";
import {
  accountsAsked,
  accountsThatServed,
  assertSound,
  firstKey,
  playBoth,
  type Stage,
  startDirectStage,
  startRelayStage,
} from "./stage.ts";
import { failingKey, greeting } from "./task.ts";

const settings = { type: "openai-responses" } as const;
const question = { model: "gpt-5", input: "Grüß Gott" };
const once = { maxRetries: 0 };

async function clientOf({ relay, upstream }: Stage): Promise<OpenAiClient> {
  const direct = { OPENAI_BASE_URL: `${upstream.url}/v1`, OPENAI_API_KEY: firstKey };
  return sdks.openai(relay ? await relay.env("openai") : direct);
}

async function readEvents(client: OpenAiClient): Promise<{ types: string[]; text: string }> {
  const types: string[] = [];
  let text = "";
  for await (const event of await client.responses.create({ ...question, stream: true }, once)) {
    types.push(event.type);
    if (event.type === "response.output_text.delta") text += event.delta ?? "";
  }
  return { types, text };
}

test("the OpenAI SDK gets whole and streamed responses, tools included, as without the relay", async (t) => {
  const tool = { kind: "tool", id: "call_1", name: "look", input: { where: "Zürich" } } as const;
  const scene = async (stage: Stage) => {
    stage.upstream.on(() => true, { content: [{ kind: "text", text: greeting }, tool], events: 7 });
    const client = await clientOf(stage);
    const whole = await client.responses.create(question);
    return { text: whole.output_text, output: whole.output, streamed: await readEvents(client) };
  };
  const direct = await scene(await startDirectStage(t));
  const stage = await startRelayStage(t, settings);
  const outcome = await scene(stage);
  assert.deepEqual(outcome, direct);
  assert.deepEqual([outcome.text, outcome.streamed.text], [greeting, greeting]);
  assert.equal(outcome.streamed.types.at(-1), "response.completed");
  assert.equal(outcome.output[1]?.arguments, JSON.stringify(tool.input));
  await assertSound(stage);
});

test("a response that continues another goes to the account that has it, whatever else is free", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.queue(firstKey, openaiFailures.rateLimited(1));
  const client = await clientOf(stage);
  const { id } = await client.responses.create(question, once);
  assert.deepEqual(accountsAsked(stage), ["first", "second"]);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await client.responses.create({ ...question, input: "And now?", previous_response_id: id }, once);
  assert.equal((await client.responses.retrieve(id)).id, id);
  assert.deepEqual(accountsAsked(stage).slice(2), ["second", "second"]);
  await client.responses.create({ ...question, input: "Something else" }, once);
  assert.deepEqual(accountsAsked(stage).slice(4), ["first"]);
  await assertSound(stage);
});

test("the OpenAI SDK does not notice that an account is out of quota", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(firstKey, openaiFailures.quota());
  const client = await clientOf(stage);
  assert.ok((await readEvents(client)).text.length > 0);
  assert.ok((await client.responses.create(question, once)).output_text.length > 0);
  assert.deepEqual(accountsAsked(stage), ["first", "second", "second"]);
  await assertSound(stage);
});

test("a conversation of the OpenAI SDK with a tool goes on while its account reaches its limit, and ends as without the relay", async (t) => {
  const limited = openaiFailures.usageLimit(Date.now() + 7_200_000);
  const { stage, outcome } = await playBoth(
    t,
    {
      ...settings,
      model: ({ json }) => {
        const { length } = (json as { input: unknown[] }).input;
        const call = { kind: "tool", id: `call_${length}`, name: "look", input: {} } as const;
        return { content: length < 5 ? [call] : greeting };
      },
      hiddenFaults: failingKey(firstKey, limited, 2),
    },
    async (stage) => {
      const client = await clientOf(stage);
      const input: unknown[] = [{ role: "user", content: question.input }];
      const tools = [{ type: "function", name: "look", parameters: { type: "object" }, strict: false }];
      for (;;) {
        const { output, output_text } = await client.responses.create({ ...question, input, tools }, once);
        const calls = output.filter(({ type }) => type === "function_call");
        if (calls.length === 0) return { turns: input.length, output_text };
        const results = calls.map(({ call_id }) => ({
          type: "function_call_output",
          call_id,
          output: "found",
        }));
        input.push(...output, ...results);
      }
    },
  );
  assert.deepEqual(outcome, { turns: 5, output_text: greeting });
  assert.deepEqual(accountsThatServed(stage), ["first", "second", "second"]);
});

test("aborting a stream of the OpenAI SDK ends the provider's work at once", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(() => true, { betweenEvents: 50, events: 100 });
  const stop = new AbortController();
  const client = await clientOf(stage);
  const stream = await client.responses.create({ ...question, stream: true }, { signal: stop.signal });
  for await (const event of stream) if (event.type === "response.output_text.delta") stop.abort();
  const [request] = stage.upstream.requests;
  await request?.closed;
  assert.equal(request?.aborted, true);
  await assertSound(stage);
});

const passedOn: Record<string, Behaviour> = {
  "an invalid request": openaiFailures.invalidRequest(),
  "an unknown previous response": openaiFailures.previousResponseNotFound("resp_gone"),
  "a missing model": openaiFailures.modelMissing(),
  "an entity that cannot be processed": openaiError(422, { code: "unprocessable" }),
  "a fault of the provider": openaiFailures.serverError(),
  "an overloaded provider": openaiFailures.overloaded(),
  "a stream that breaks off": { events: 9, cut: { afterEvents: 5, how: "rst" } },
};

for (const [what, behaviour] of Object.entries(passedOn)) {
  test(`the OpenAI SDK sees ${what} as it does without the relay`, async (t) => {
    const scene = async (stage: Stage) => {
      stage.upstream.on(() => true, behaviour);
      return errorOf(readEvents(await clientOf(stage)));
    };
    const direct = await scene(await startDirectStage(t));
    const stage = await startRelayStage(t, settings);
    assert.deepEqual(await scene(stage), direct);
    await assertSound(stage);
  });
}

test("a response that fails in mid-stream ends for the OpenAI SDK as it does without the relay", async (t) => {
  const event = openaiFailedEvent("server_error");
  const scene = async (stage: Stage) => {
    stage.upstream.on(() => true, { events: 9, errorAfter: { events: 6, event } });
    return readEvents(await clientOf(stage));
  };
  const direct = await scene(await startDirectStage(t));
  assert.equal(direct.types.at(-1), "response.failed");
  const stage = await startRelayStage(t, settings);
  assert.deepEqual(await scene(stage), direct);
});

test("the OpenAI SDK distinguishes a wrong key and a pool at its limit by their classes", async (t) => {
  const stage = await startRelayStage(t, settings);
  const wrong = sdks.openai({ ...(await stage.relay.env("openai")), OPENAI_API_KEY: "not-the-key" });
  const refused = await errorOf(wrong.responses.create(question));
  assert.deepEqual(
    [refused.class, refused.status, refused.code],
    ["AuthenticationError", 401, "invalid_api_key"],
  );
  stage.upstream.on(() => true, openaiFailures.usageLimit(Date.now() + 7_200_000));
  const limited = await errorOf((await clientOf(stage)).responses.create(question));
  assert.deepEqual([limited.class, limited.status], ["RateLimitError", 429]);
  assert.equal(stage.upstream.requests.length, 2, "each account once");
});

test("the OpenAI SDK lists the models of the provider", async (t) => {
  const stage = await startRelayStage(t, settings);
  const ids: string[] = [];
  for await (const { id } of (await clientOf(stage)).models.list()) ids.push(id);
  assert.deepEqual(ids.sort(), [...openaiModels].sort());
});
