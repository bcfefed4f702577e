import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { createSimulatedAccount } from "../../src/demo/account.ts";
import { claudeDemo } from "../../src/demo/claude.ts";
import { geminiDemo } from "../../src/demo/gemini.ts";
import { openaiDemo } from "../../src/demo/openai.ts";
import { hello, type Json, now, start } from "./support.ts";

describe("the simulated accounts", () => {
  it("are two for each family, the first preferred, and one with a refused key, with addresses that are answered", async (t) => {
    const { accounts, urls } = await start(t);
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

  it("refuse every other key in their own API's form", async (t) => {
    const { claude, gemini, openai } = await start(t);
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

  it("have one whose key is refused as Claude refuses it", async (t) => {
    const { claude } = await start(t);
    const answer = await claude("/v1/messages", hello, "demo-claude-3");
    const { error } = (await answer.json()) as Json;
    assert.deepEqual([answer.status, error.type], [401, "authentication_error"]);
  });

  it("give nothing away after close", async (t) => {
    const { urls, close } = await start(t);
    await close();
    await assert.rejects(fetch(urls.claude));
  });
});

describe("the limit", () => {
  it("meets the first account's first request, ends at the time it says, and comes when the window is full again", async (t) => {
    let time = now;
    const { claude } = await start(t, { requestsPerWindow: 2, windowMs: 20_000, clock: () => time });
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

  it("never meets the second account, and counting costs nothing", async (t) => {
    const { claude } = await start(t, { requestsPerWindow: 1 });
    for (let request = 0; request < 4; request += 1) {
      assert.equal((await claude("/v1/messages", hello)).status, 200);
    }
    assert.equal((await claude("/v1/messages/count_tokens", hello, "demo-claude-1")).status, 200);
  });

  it("has Google's form, also as an array where a stream is one", async (t) => {
    const { gemini } = await start(t, { requestsPerWindow: 1, windowMs: 7000 });
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

  it("has OpenAI's form", async (t) => {
    const { openai } = await start(t, { requestsPerWindow: 1, windowMs: 7000 });
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
    const { pieces } = provider.answer({ method: "POST", path, query, body, account, number: 1, now });
    // The last one of OpenAI's holds the whole response.
    assert.ok(pieces.length > 10 && pieces.slice(0, -1).every((piece) => piece.length < 2000), path);
    assert.ok(
      pieces.every((piece) => piece.endsWith("\n\n") || piece.endsWith("\r\n\r\n")),
      path,
    );
  }
});
