// Conversations with hosts that imitate Claude's API, with the quirks that each is known for: what goes there and comes back is left alone,
// and what one of them refuses is passed on and blames nobody.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { AccountConfig } from "../../src/config/config.ts";
import { claudeFailures } from "../support/claude-script.ts";
import { type ClientAnswer, send } from "../support/client.ts";
import {
  asDeepSeek,
  asGlm,
  asKimi,
  asOllama,
  checkSignatures,
  glmErrors,
} from "../support/compatible-script.ts";
import { openaiFailures } from "../support/openai-script.ts";
import { startRelay, type TestRelay, testAccount } from "../support/relay.ts";
import { type ScriptedUpstream, startUpstream } from "../support/upstream.ts";

const hour = 3_600_000;

interface Block {
  type: string;
  [member: string]: unknown;
}

interface Message {
  role: string;
  content: string | Block[];
}

const user = (content: Message["content"]): Message => ({ role: "user", content });
const assistant = (content: Message["content"]): Message => ({ role: "assistant", content });
const call = (id: string): Block => ({ type: "tool_use", id, name: "Bash", input: {} });
const result = (id: string): Block => ({ type: "tool_result", tool_use_id: id, content: "done" });
const thought = (signature: string): Block => ({ type: "thinking", thinking: "hm", signature });

/** The message as a client puts it together from the events of a stream, and sends it back. */
function messageIn({ text }: ClientAnswer): Message {
  const blocks: Block[] = [];
  for (const [, data] of text.matchAll(/^data: (.*)$/gm)) {
    const { type, content_block, delta } = JSON.parse(data!) as Record<string, Block | undefined> & {
      type: string;
    };
    if (type === "content_block_start") blocks.push({ ...content_block! });
    const last = blocks.at(-1);
    if (type !== "content_block_delta" || !last || !delta) continue;
    for (const name of ["thinking", "text", "signature"])
      if (typeof delta[name] === "string") last[name] = `${last[name] ?? ""}${delta[name]}`;
  }
  return assistant(blocks);
}

describe("at a compatible host", () => {
  let plan: ScriptedUpstream;
  let host: ScriptedUpstream;
  let relay: TestRelay | undefined;
  let now: number;

  before(async () => {
    plan = await startUpstream({ family: "claude" });
    host = await startUpstream({ family: "claude" });
  });
  afterEach(async () => {
    await relay?.close();
    relay = undefined;
    plan.reset();
    host.reset();
  });
  after(() => Promise.all([plan.close(), host.close()]));

  /** The plan is at its limit for an hour. */
  async function start(model: string, more: Partial<AccountConfig> = {}): Promise<string> {
    now = Date.now();
    const modelMap = [{ pattern: "*", model }];
    const last = { onlyWhenOut: true, modelMap, ...more };
    relay = await startRelay({
      accounts: [
        testAccount("plan", "claude-api", plan.url, { healSignatures: true }),
        testAccount("host", "claude-api", host.url, last),
      ],
      now: () => now,
    });
    checkSignatures(plan, () =>
      now < limitedUntil ? claudeFailures.windowRejected("5h", limitedUntil, now) : {},
    );
    const limitedUntil = now + hour;
    return relay.url;
  }

  const ask = (url: string, messages: Message[], more: object = {}) =>
    send(url, {
      path: "/v1/messages",
      headers: ["x-claude-code-session-id", "s"],
      body: {
        ...{ model: "claude-opus-5-5", stream: true, max_tokens: 9, thinking: { type: "adaptive" } },
        ...{ messages, ...more },
      },
    });

  const hosts = [
    ["GLM", "glm-5.2", asGlm, { input: 21, output: 9, cacheRead: 400 }],
    ["DeepSeek", "deepseek-v4-pro", asDeepSeek, { input: 33, output: 5, cacheRead: 0 }],
    ["Kimi", "kimi-k2.6", asKimi, { input: 41, output: 6, cacheRead: 256 }],
    ["Ollama", "qwen3-coder", asOllama, { input: 12, output: 4, cacheRead: 0 }],
  ] as const;
  for (const [name, model, imitate, used] of hosts) {
    test(`${name} gets back what it said, byte for byte, and its last figures are the usage`, async () => {
      imitate(host);
      const url = await start(model);
      const first = await ask(url, [user("one")]);
      assert.equal(first.status, 200, first.text);
      assert.equal(first.header("x-cc-relay-account"), "host");
      assert.equal(first.text, host.requests[0]!.sentBody.toString());
      const said = messageIn(first);
      const id = (said.content as Block[]).find(({ type }) => type === "tool_use")?.id;
      const second = [user("one"), said, user(typeof id === "string" ? [result(id)] : "two")];
      const answer = await ask(url, second);
      assert.equal(answer.status, 200, answer.text);
      const { messages } = host.requests[1]!.json as { messages: Message[] };
      assert.deepEqual(messages, second);
      const { rows } = await relay!.store.usage.summarize({ since: 0, until: now + hour, by: "account" });
      const at = rows.find(({ key }) => key === "host")!;
      assert.deepEqual(
        [at.requests, at.tokens.input, at.tokens.output, at.tokens.cacheRead],
        [2, 2 * used.input, 2 * used.output, 2 * used.cacheRead],
      );
      assert.deepEqual([at.tokens.cacheWrite5m, at.tokens.cacheWrite1h], [0, 0]);
    });
  }

  const image = { type: "image", source: { type: "url", url: "https://example.com/a.png" } };
  const reference = {
    type: "tool_result",
    tool_use_id: "t",
    content: [{ type: "tool_reference", tool_name: "x" }],
  };
  const withoutThinking = [user("one"), assistant([call("toolu_1")]), user([result("toolu_1")])];
  const withThinking = (block: Block) => [
    user("one"),
    assistant([thought("EqQB"), call("toolu_1")]),
    user([block]),
  ];
  const refusals: [
    what: string,
    model: string,
    (upstream: ScriptedUpstream) => void,
    Message[],
    object,
    RegExp,
  ][] = [
    [
      "DeepSeek: a tool's call of Claude's without thinking",
      "deepseek-v4-pro",
      asDeepSeek,
      withoutThinking,
      {},
      /must be passed back/,
    ],
    [
      "DeepSeek: a block that it does not know",
      "deepseek-v4-pro",
      asDeepSeek,
      [user([{ type: "search_result" }])],
      {},
      /unknown variant `search_result`/,
    ],
    [
      "DeepSeek: a forced tool",
      "deepseek-v4-pro",
      asDeepSeek,
      [user("a")],
      { tool_choice: { type: "tool", name: "x" } },
      /does not support this tool_choice/,
    ],
    ["DeepSeek: a model's name that is not its own", "gpt-5", asDeepSeek, [user("a")], {}, /Model Not Exist/],
    [
      "Kimi: a tool's call of Claude's without thinking",
      "kimi-k2.6",
      asKimi,
      withoutThinking,
      {},
      /reasoning_content is missing .* at index 1/,
    ],
    [
      "Kimi: a reference to a tool",
      "kimi-k2.6",
      asKimi,
      withThinking(reference),
      {},
      /tool_reference is not supported/,
    ],
    [
      "Kimi: thinking that its coding model has no other way",
      "kimi-k2.7-code",
      asKimi,
      [user("a")],
      {},
      /only type=enabled/,
    ],
    ["Ollama: an image by its address", "qwen3-coder", asOllama, [user([image])], {}, /Only base64 images/],
  ];
  for (const [what, model, imitate, messages, more, expected] of refusals) {
    test(`a refusal is passed on as it is, and asks and blames nobody else: ${what}`, async () => {
      imitate(host);
      const url = await start(model);
      await ask(url, [user("other")]);
      const before = plan.requests.length;
      const answer = await ask(url, messages, more);
      assert.equal(answer.status, 400, answer.text);
      assert.match(answer.text, expected);
      assert.equal(answer.text, host.requests.at(-1)!.sentBody.toString());
      assert.equal(answer.header("x-cc-relay-account"), "host");
      assert.equal(plan.requests.length, before);
      const cooldowns = await relay!.store.accounts.cooldowns();
      assert.deepEqual(
        cooldowns.map(({ accountId }) => accountId),
        ["plan"],
      );
    });
  }

  test("Kimi's ids of tools go back to Claude as they are, and where they are refused nothing is changed", async () => {
    asKimi(host);
    const url = await start("kimi-k2.6");
    const said = messageIn(await ask(url, [user("one")]));
    assert.equal((said.content as Block[])[1]?.id, "functions.Bash:0");
    now += 2 * hour;
    const bare = assistant([call("functions.Bash:0")]);
    const messages = [user("one"), bare, user([result("functions.Bash:0")]), assistant("done"), user("two")];
    const before = plan.requests.length;
    const answer = await ask(url, messages);
    assert.deepEqual([answer.status, answer.header("x-cc-relay-account")], [400, "plan"]);
    assert.match(answer.text, /tool_use\.id: String should match pattern/);
    assert.equal(plan.requests.length, before + 1);
    assert.deepEqual((plan.requests.at(-1)!.json as { messages: Message[] }).messages, messages);
    assert.equal((await ask(url, [user("other")])).header("x-cc-relay-account"), "plan");
  });

  test("Ollama's cloud takes a bearer token alone", async () => {
    asOllama(host, { isCloud: true });
    const version = ["anthropic-version", "2023-06-01"];
    const keyed = async (auth: "bearer" | "x-api-key") => {
      const url = await start("glm-5.2:cloud", { auth });
      const { status } = await send(url, {
        path: "/v1/messages",
        headers: version,
        body: { model: "claude-opus-5-5", stream: true, max_tokens: 9, messages: [user("a")] },
      });
      await relay!.close();
      relay = undefined;
      return status;
    };
    assert.equal(await keyed("bearer"), 200);
    assert.equal(await keyed("x-api-key"), 429);
  });

  test("Z.ai's errors that are known by their number alone are what their status or text says", async () => {
    asGlm(host);
    const url = await start("glm-5.2");
    host.queue({ method: "POST" }, glmErrors.concurrency);
    assert.equal((await ask(url, [user("a")])).header("retry-after"), "60");
    now += 61_000;
    host.queue({ method: "POST" }, glmErrors.unpaid);
    assert.equal((await ask(url, [user("a")])).status, 429);
    const kinds = (await relay!.store.accounts.cooldowns()).map(
      ({ accountId, kind }) => `${accountId} ${kind}`,
    );
    assert.deepEqual(kinds.sort(), ["host account-out", "plan rate-limited"]);
  });

  test("encrypted reasoning never moves to another host, however long its account is out", async (t) => {
    const openai = await startUpstream({ family: "openai" });
    t.after(() => openai.close());
    const last = { onlyWhenOut: true, modelMap: [{ pattern: "*", model: "glm-5.2" }] };
    now = Date.now();
    relay = await startRelay({
      accounts: [
        testAccount("key", "openai-responses", openai.url),
        testAccount("host", "openai-responses", openai.url, { ...last, apiUrl: `${openai.url}/api/paas/v4` }),
      ],
      now: () => now,
    });
    const respond = (input: unknown) =>
      send(relay!.url, {
        path: "/v1/responses",
        headers: ["session-id", "s"],
        body: { model: "gpt-5.6-codex", stream: true, store: false, input },
      });
    const reasoning = { type: "reasoning", id: "rs_1", encrypted_content: "A".repeat(400) };
    const hi = { role: "user", content: "hi" };
    assert.equal((await respond([hi])).header("x-cc-relay-account"), "key");
    openai.on("key-of-key", openaiFailures.usageLimit(now + hour));
    const bound = await respond([hi, reasoning, hi]);
    assert.deepEqual([bound.status, bound.header("x-cc-relay-error")], [429, "account_in_cooldown"]);
    assert.equal((await respond([hi])).header("x-cc-relay-account"), "host");
    for (const { url, body } of openai.requests)
      if (url.startsWith("/api/paas/v4/")) assert.doesNotMatch(body.toString(), /encrypted_content/);
    assert.equal(openai.requests.at(-1)?.url, "/api/paas/v4/responses");
  });
});
