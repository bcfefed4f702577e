import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Json, readEvents, start } from "./support.ts";

describe("simulated Gemini", () => {
  const body = { contents: [{ role: "user", parts: [{ text: "Say hi" }] }] };
  const textOf = (answer: Json) => answer.candidates[0].content.parts.map((part: Json) => part.text).join("");

  it("gives one text as a document, as events and as an array", async (t) => {
    const { gemini } = await start(t);
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

  it("reports figures that add up, thoughts apart", async (t) => {
    const { gemini } = await start(t);
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

  it("counts, embeds and embeds in batches", async (t) => {
    const { gemini } = await start(t);
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

  it("calls a function only when it must, and answers JSON where that is asked for", async (t) => {
    const { gemini } = await start(t);
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

  it("lists its models, with the key in the query too", async (t) => {
    const { keyOf, urls } = await start(t);
    const list = (await (
      await fetch(`${urls.gemini}/v1beta/models?key=${keyOf("demo-gemini-1")}`)
    ).json()) as Json;
    assert.equal(list.models[0].name, "models/gemini-demo-large");
  });

  it("refuses a request without contents", async (t) => {
    const { gemini } = await start(t);
    assert.equal((await gemini("/v1beta/models/m:generateContent", {})).status, 400);
    assert.ok(Array.isArray(await (await gemini("/v1beta/models/m:streamGenerateContent", {})).json()));
  });
});
