// The Anthropic SDK, set up by `cc-relay env claude`: answers, tools, abortion and errors are what they are without the relay.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Behaviour } from "../support/behaviour.ts";
import { claudeError, claudeErrorEvent, claudeFailures, claudeModels } from "../support/claude-script.ts";
import { claudeEnvironment } from "./claude-code.ts";
import { type AnthropicClient, errorOf, sdks } from "./sdks.ts";
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

const settings = { type: "claude-api" } as const;
const question = {
  model: "claude-sonnet-5-5",
  max_tokens: 500,
  messages: [{ role: "user", content: "Grüß Gott" }],
};
const once = { maxRetries: 0 };
const look = { kind: "tool", name: "look", input: { where: "Zürich" } } as const;

async function clientOf(stage: Stage): Promise<AnthropicClient> {
  return sdks.anthropic(await claudeEnvironment(stage));
}

async function readText(client: AnthropicClient): Promise<string> {
  let text = "";
  for await (const event of await client.messages.create({ ...question, stream: true }, once)) {
    if (event.type === "content_block_delta") text += event.delta?.text ?? "";
  }
  return text;
}

test("the Anthropic SDK gets whole and streamed answers, thinking and tools included, as without the relay", async (t) => {
  const content = [
    { kind: "thinking", text: "Let me think …" },
    { kind: "text", text: greeting },
    { kind: "tool", id: "toolu_1", name: "look", input: { where: "Zürich", deep: { list: [1, 2.5, null] } } },
    { kind: "tool", id: "toolu_2", name: "look", input: {} },
  ] as const;
  const scene = async (stage: Stage) => {
    stage.upstream.on(() => true, { content: [...content], events: 7 });
    const client = await clientOf(stage);
    const whole = await client.messages.create(question);
    const streamed = await client.messages.stream(question).finalMessage();
    const counted = await client.messages.countTokens({ ...question, max_tokens: undefined });
    return { whole, streamed, counted };
  };
  const direct = await scene(await startDirectStage(t));
  const stage = await startRelayStage(t, settings);
  const outcome = await scene(stage);
  assert.deepEqual(outcome, direct);
  assert.deepEqual(
    outcome.streamed.content.map(({ type }) => type),
    ["thinking", "text", "tool_use", "tool_use"],
  );
  assert.deepEqual(outcome.streamed.content[2]?.input, content[2].input);
  const { total } = await stage.relay.usage("account");
  assert.equal(total.requests, 2, "counting tokens costs no row");
  await assertSound(stage);
});

test("the Anthropic SDK does not notice that an account is at its limit", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(firstKey, claudeFailures.windowRejected("5h", Date.now() + 7_200_000));
  const client = await clientOf(stage);
  assert.ok((await readText(client)).length > 0);
  assert.equal((await client.messages.create(question, once)).stop_reason, "end_turn");
  assert.deepEqual(accountsAsked(stage), ["first", "second", "second"]);
  await assertSound(stage);
});

test("a conversation of the Anthropic SDK with a tool goes on while its account reaches its limit, and ends as without the relay", async (t) => {
  const limited = claudeFailures.windowRejected("5h", Date.now() + 7_200_000);
  const { stage, outcome } = await playBoth(
    t,
    {
      ...settings,
      model: ({ json }) => {
        const { length } = (json as { messages: unknown[] }).messages;
        return { content: length < 5 ? [{ ...look, id: `toolu_${length}` }] : greeting, events: 6 };
      },
      hiddenFaults: failingKey(firstKey, limited, 2),
    },
    async (stage) => {
      const client = await clientOf(stage);
      const messages: unknown[] = [...question.messages];
      for (;;) {
        const body = { ...question, messages, tools: [{ name: "look", input_schema: { type: "object" } }] };
        const { content } = await client.messages.stream(body, once).finalMessage();
        messages.push({ role: "assistant", content });
        const calls = content.filter(({ type }) => type === "tool_use");
        if (calls.length === 0) return messages;
        const results = calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: "found" }));
        messages.push({ role: "user", content: results });
      }
    },
  );
  assert.equal(outcome.length, 6);
  assert.deepEqual(accountsThatServed(stage), ["first", "second", "second"]);
});

test("aborting a stream of the Anthropic SDK ends the provider's work at once, and is recorded with what was said by then", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(() => true, { betweenEvents: 50, events: 100 });
  const stream = (await clientOf(stage)).messages.stream(question);
  stream.finalMessage().catch(() => {});
  await assert.rejects(async () => {
    for await (const event of stream) if (event.type === "content_block_delta") stream.abort();
  }, /abort/i);
  const [request] = stage.upstream.requests;
  await request?.closed;
  assert.equal(request?.aborted, true);
  await assertSound(stage);
  const { total } = await stage.relay.usage("account");
  assert.deepEqual([total.requests, total.errors], [1, 0]);
});

test("a request that the Anthropic SDK cancels before there is an answer is cancelled at the provider too", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(() => true, { hang: true });
  const stop = new AbortController();
  const client = await clientOf(stage);
  const error = errorOf(client.messages.create(question, { ...once, signal: stop.signal }));
  const [request] = await stage.upstream.received(1);
  stop.abort();
  assert.equal((await error).class, "APIUserAbortError");
  await request?.closed;
  assert.equal(request?.aborted, true);
});

const passedOn: Record<string, Behaviour> = {
  "an invalid request": claudeFailures.invalidRequest(),
  "too long a prompt": claudeError(413),
  "a missing model": claudeFailures.modelMissing("claude-nope"),
  "a fault of the provider": claudeFailures.serverError(),
  "an overloaded provider": claudeFailures.overloaded(),
  "extra usage that is not bought": claudeFailures.extraUsage(),
  "an error as the stream's first event": { firstEvent: claudeErrorEvent("api_error", { message: "No." }) },
  "an error in mid-stream": {
    events: 9,
    errorAfter: { events: 4, event: claudeErrorEvent("overloaded_error", { message: "Later." }) },
  },
  "a stream that breaks off": { events: 9, cut: { afterEvents: 4, how: "rst" } },
};

for (const [what, behaviour] of Object.entries(passedOn)) {
  test(`the Anthropic SDK sees ${what} as it does without the relay`, async (t) => {
    const scene = async (stage: Stage) => {
      stage.upstream.on(() => true, behaviour);
      return errorOf(readText(await clientOf(stage)));
    };
    const direct = await scene(await startDirectStage(t));
    const stage = await startRelayStage(t, settings);
    assert.deepEqual(await scene(stage), direct);
    await assertSound(stage);
  });
}

test("the Anthropic SDK distinguishes a wrong key and a pool at its limit by their classes, and does not repeat either", async (t) => {
  const stage = await startRelayStage(t, settings);
  const wrong = sdks.anthropic({ ...(await claudeEnvironment(stage)), ANTHROPIC_AUTH_TOKEN: "not-the-key" });
  const refused = await errorOf(wrong.messages.create(question));
  assert.deepEqual(
    [refused.class, refused.status, refused.type],
    ["AuthenticationError", 401, "authentication_error"],
  );
  stage.upstream.on(() => true, claudeFailures.windowRejected("7d", Date.now() + 7_200_000));
  const limited = await errorOf((await clientOf(stage)).messages.create(question));
  assert.deepEqual(
    [limited.class, limited.status, limited.type],
    ["RateLimitError", 429, "rate_limit_error"],
  );
  assert.equal(stage.upstream.requests.length, 2, "each account once");
});

test("the Anthropic SDK lists the models of the provider", async (t) => {
  const stage = await startRelayStage(t, settings);
  const ids: string[] = [];
  for await (const { id } of (await clientOf(stage)).models.list()) ids.push(id);
  assert.deepEqual(ids.sort(), [...claudeModels].sort());
});
