import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Json, readEvents, start } from "./support.ts";

describe("simulated OpenAI", () => {
  const body = { model: "gpt-x", input: "Say hi" };

  it("streams the response that it gives as a document", async (t) => {
    const { openai } = await start(t);
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

  it("reasons, encrypted where it is asked to, and calls a function only when it must", async (t) => {
    const { openai } = await start(t);
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

  it("knows a previous response on the account that gave it only", async (t) => {
    const { openai, keyOf, urls } = await start(t);
    const first = (await (await openai("/responses", body)).json()) as Json;
    const next = { ...body, previous_response_id: first.id };
    assert.equal((await openai("/responses", next)).status, 200);
    const elsewhere = await openai("/responses", next, "demo-openai-1");
    assert.equal(elsewhere.status, 400);
    assert.equal(((await elsewhere.json()) as Json).error.code, "previous_response_not_found");
    const headers = { authorization: `Bearer ${keyOf("demo-openai-2")}` };
    const read = (await (await fetch(`${urls.openai}/responses/${first.id}`, { headers })).json()) as Json;
    assert.equal(read.id, first.id);
    const gone = await fetch(`${urls.openai}/responses/${first.id}`, { headers, method: "DELETE" });
    assert.equal(((await gone.json()) as Json).deleted, true);
    assert.equal((await fetch(`${urls.openai}/responses/${first.id}`, { headers })).status, 404);
  });

  it("compacts, and lists its models", async (t) => {
    const { openai, keyOf, urls } = await start(t);
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
    const list = (await (await fetch(`${urls.openai}/models`, { headers })).json()) as Json;
    assert.equal(list.object, "list");
    assert.notEqual(list.data.length, 0);
  });

  it("refuses a request without input", async (t) => {
    const { openai } = await start(t);
    const answer = await openai("/responses", { model: "gpt-x" });
    assert.equal(((await answer.json()) as Json).error.param, "input");
  });
});
