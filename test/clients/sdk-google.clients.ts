// The Google Gen AI SDK, set up by `cc-relay env gemini`: it asks under /v1, retries nothing, and is broken by anything injected into a stream.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Behaviour } from "../support/behaviour.ts";
import { geminiFailures, geminiModels } from "../support/gemini-script.ts";
import { errorOf, type GoogleClient, sdks } from "./sdks.ts";
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

const settings = { type: "gemini-api" } as const;
const question = { model: "gemini-2.5-flash", contents: "Grüß Gott" };

async function clientOf({ relay, upstream }: Stage): Promise<GoogleClient> {
  const direct = { GOOGLE_GEMINI_BASE_URL: upstream.url, GEMINI_API_KEY: firstKey };
  return sdks.google(relay ? await relay.env("gemini") : direct);
}

async function readText(client: GoogleClient): Promise<string> {
  let text = "";
  for await (const chunk of await client.models.generateContentStream(question)) text += chunk.text ?? "";
  return text;
}

test("the Google SDK gets whole and streamed answers and calls of tools as without the relay", async (t) => {
  const tool = { kind: "tool", id: "call_1", name: "look", input: { where: "Zürich" } } as const;
  const scene = async (stage: Stage) => {
    const client = await clientOf(stage);
    stage.upstream.on(() => true, { content: greeting, events: 7 });
    const { text, usageMetadata } = await client.models.generateContent(question);
    const streamed = await readText(client);
    stage.upstream.on(() => true, { content: [tool] });
    const { functionCalls } = await client.models.generateContent(question);
    return { text, usageMetadata, streamed, functionCalls };
  };
  const direct = await scene(await startDirectStage(t));
  const stage = await startRelayStage(t, settings);
  const outcome = await scene(stage);
  assert.deepEqual(outcome, direct);
  assert.deepEqual([outcome.text, outcome.streamed], [greeting, greeting]);
  assert.deepEqual(outcome.functionCalls?.[0]?.args, tool.input);
  await assertSound(stage);
});

test("the Google SDK counts tokens and embeds texts, one and several, as without the relay", async (t) => {
  const scene = async (stage: Stage) => {
    const client = await clientOf(stage);
    const embed = (contents: unknown) =>
      client.models.embedContent({ model: "gemini-embedding-001", contents });
    return {
      counted: (await client.models.countTokens(question)).totalTokens,
      one: (await embed("one text")).embeddings,
      several: (await embed(["one text", "another", "a third"])).embeddings,
      urls: stage.upstream.requests.map(({ url }) => url),
    };
  };
  const direct = await scene(await startDirectStage(t));
  const stage = await startRelayStage(t, settings);
  const outcome = await scene(stage);
  assert.deepEqual(outcome, direct);
  assert.equal(outcome.several?.length, 3);
  assert.ok((outcome.counted ?? 0) > 0);
  await assertSound(stage);
});

test("the Google SDK does not notice that an account is out of quota, in a stream or not", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(firstKey, geminiFailures.perDay());
  const client = await clientOf(stage);
  assert.ok((await readText(client)).length > 0);
  assert.ok(((await client.models.generateContent(question)).text ?? "").length > 0);
  assert.deepEqual(accountsAsked(stage), ["first", "second", "second"]);
  await assertSound(stage);
});

test("a conversation of the Google SDK with a tool goes on while its account spends its quota, and ends as without the relay", async (t) => {
  const { stage, outcome } = await playBoth(
    t,
    {
      ...settings,
      model: ({ json }) => {
        const { length } = (json as { contents: unknown[] }).contents;
        const call = { kind: "tool", id: `call_${length}`, name: "look", input: {} } as const;
        return { content: length < 5 ? [call] : greeting };
      },
      hiddenFaults: failingKey(firstKey, geminiFailures.perDay(), 2),
    },
    async (stage) => {
      const client = await clientOf(stage);
      const contents: unknown[] = [{ role: "user", parts: [{ text: question.contents }] }];
      const config = { tools: [{ functionDeclarations: [{ name: "look" }] }] };
      for (;;) {
        const answer = await client.models.generateContent({ ...question, contents, config });
        const { functionCalls = [] } = answer;
        if (functionCalls.length === 0) return { turns: contents.length, text: answer.text };
        contents.push({ role: "model", parts: functionCalls.map((functionCall) => ({ functionCall })) });
        const results = functionCalls.map(({ name }) => ({ name, response: { output: "found" } }));
        contents.push({ role: "user", parts: results.map((functionResponse) => ({ functionResponse })) });
      }
    },
  );
  assert.deepEqual(outcome, { turns: 5, text: greeting });
  assert.deepEqual(accountsThatServed(stage), ["first", "second", "second"]);
});

test("aborting a stream of the Google SDK ends the provider's work at once", async (t) => {
  const stage = await startRelayStage(t, settings);
  stage.upstream.on(() => true, { betweenEvents: 50, events: 100 });
  const stop = new AbortController();
  const client = await clientOf(stage);
  const stream = await client.models.generateContentStream({
    ...question,
    config: { abortSignal: stop.signal },
  });
  await assert.rejects(async () => {
    for await (const _ of stream) stop.abort();
  }, /abort/i);
  const [request] = stage.upstream.requests;
  await request?.closed;
  assert.equal(request?.aborted, true);
  await assertSound(stage);
});

const passedOn: Record<string, Behaviour> = {
  "an invalid request": geminiFailures.invalidRequest(),
  "a missing model": geminiFailures.modelMissing(),
  "a fault of the provider": geminiFailures.serverError(),
  "an overloaded provider": geminiFailures.overloaded(),
  "a stream that breaks off": { events: 9, cut: { afterEvents: 4, how: "rst" } },
};

for (const [what, behaviour] of Object.entries(passedOn)) {
  test(`the Google SDK sees ${what} as it does without the relay`, async (t) => {
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

test("the Google SDK gets a wrong key and a pool at its limit in Google's own form", async (t) => {
  const stage = await startRelayStage(t, settings);
  const wrong = sdks.google({ ...(await stage.relay.env("gemini")), GEMINI_API_KEY: "not-the-key" });
  const refused = await errorOf(wrong.models.generateContent(question));
  assert.deepEqual([refused.class, refused.status], ["ApiError", 401]);
  assert.equal((JSON.parse(refused.message) as GoogleError).error.status, "UNAUTHENTICATED");
  stage.upstream.on(() => true, geminiFailures.perDay());
  const limited = await errorOf((await clientOf(stage)).models.generateContent(question));
  assert.deepEqual([limited.class, limited.status], ["ApiError", 429]);
  const { error } = JSON.parse(limited.message) as GoogleError;
  assert.equal(error.status, "RESOURCE_EXHAUSTED");
  assert.ok(error.details?.some((detail) => detail["@type"] === "type.googleapis.com/google.rpc.RetryInfo"));
});

interface GoogleError {
  error: { status: string; details?: Record<string, unknown>[] };
}

test("the Google SDK lists the models of the provider", async (t) => {
  const stage = await startRelayStage(t, settings);
  const names: string[] = [];
  for await (const { name } of await (await clientOf(stage)).models.list()) names.push(name ?? "");
  assert.deepEqual(names.sort(), geminiModels.map((id) => `models/${id}`).sort());
});
